from django.contrib.auth import get_user_model

from django_notification_system import notify

users = get_user_model().objects.filter(is_active=True)

notify(users, "June news", "We have a new toaster.", target="Email", category="news")
