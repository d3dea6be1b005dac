from django.contrib.auth import get_user_model

from django_notification_system import notify
from django_notification_system.models import NotificationTarget
from django_notification_system.notification_handlers.fcm.devices import register_device

user = get_user_model().objects.get(username="egg")
token = "cFkq3xT1Rk2:APA91bE-device"

register_device(user, NotificationTarget.objects.get(name="FCM"), token, description="Egg's Pixel")

notify(
    user,
    "Breakfast is ready",
    "Come while it is hot.",
    target="FCM",
    extra={"data": {"screen": "menu"}, "ttl": 3600, "priority": "high"},
)
