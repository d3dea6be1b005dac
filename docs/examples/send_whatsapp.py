from django.contrib.auth import get_user_model

from django_notification_system import notify
from django_notification_system.models import NotificationTarget, TargetUserRecord

user = get_user_model().objects.get(username="egg")

TargetUserRecord.objects.get_or_create(
    user=user,
    target=NotificationTarget.objects.get(name="Twilio"),
    target_user_id="whatsapp:+15005550010",
    defaults={"description": "Egg's WhatsApp"},
)

notify(
    user,
    "Your order is on its way",
    "For the admin's pages: the template has the text.",
    target="Twilio",
    extra={
        "content_sid": "HX0123456789abcdef0123456789abcdef",
        "content_variables": {"1": "Eggs", "2": "8:45"},
    },
)
