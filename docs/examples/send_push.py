from django.contrib.auth import get_user_model

from django_notification_system import notify
from django_notification_system.models import NotificationTarget, TargetUserRecord

user = get_user_model().objects.get(username="egg")

TargetUserRecord.objects.get_or_create(
    user=user,
    target=NotificationTarget.objects.get(name="Expo"),
    target_user_id="ExponentPushToken[eggs-benedict]",
    defaults={"description": "Egg's phone"},
)

notify(
    user,
    "Breakfast is ready",
    "Come while it is hot.",
    target="Expo",
    extra={"data": {"screen": "menu"}, "sound": "default"},
)
