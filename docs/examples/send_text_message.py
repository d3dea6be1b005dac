from django.contrib.auth import get_user_model

from django_notification_system import notify
from django_notification_system.models import NotificationTarget, TargetUserRecord

user = get_user_model().objects.get(username="egg")

TargetUserRecord.objects.get_or_create(
    user=user,
    target=NotificationTarget.objects.get(name="Twilio"),
    target_user_id="+15558675310",
    defaults={"description": "Egg's phone"},
)

notify(user, "Your table", "Your table is free. Please come to the desk.", target="Twilio")
