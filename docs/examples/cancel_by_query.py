from django.contrib.auth import get_user_model

from django_notification_system import cancel
from django_notification_system.models import Notification

user = get_user_model().objects.get(username="egg")

cancel("spring-sale", user)
cancelled = Notification.objects.filter(
    user_target__user=user, title__startswith="Your trial"
).cancel()
print(f"{cancelled.changed} cancelled; left: {dict(cancelled.left)}")
