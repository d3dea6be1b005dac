from django.contrib.auth import get_user_model

from django_notification_system import notify

users = get_user_model().objects.filter(is_active=True)

notify(users, "News from the kitchen", "We have a new toaster.")
notify(users.get(username="egg"), "Your code is 4711", "Enter it within 10 minutes.", priority=9)
