from django.contrib.auth import get_user_model

from django_notification_system.models import NotificationTarget, TargetUserRecord
from django_notification_system.models.details import short_address

url = "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"
TargetUserRecord.objects.get_or_create(
    user=get_user_model().objects.get(username="egg"),
    target=NotificationTarget.objects.get(name="Apprise"),
    target_user_id=short_address(url),
    defaults={"details": {"url": url}},
)
