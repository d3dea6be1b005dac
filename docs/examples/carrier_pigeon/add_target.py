from django.contrib.auth import get_user_model

from django_notification_system.models import NotificationTarget, TargetUserRecord

target = NotificationTarget.objects.create(
    name="Carrier Pigeon",  # at most 15 characters
    notification_module_name="carrier_pigeon",  # the handler's file, without .py
)
TargetUserRecord.objects.create(
    user=get_user_model().objects.get(username="egg"),
    target=target,
    target_user_id="north tower",
    description="Eggs Benedict's loft",
)
