# There, the quotation mark after SCHEDULED is missing.
from django.contrib.auth import get_user_model
from django.utils import timezone

from django_notification_system.models import Notification, TargetUserRecord

User = get_user_model()

user = User.objects.get(first_name="Eggs", last_name="Benedict")

user_targets = TargetUserRecord.objects.filter(user=user)

for user_target in user_targets:
    Notification.objects.create(
        user_target=user_target,
        title=f"Test notification for {user.first_name} {user.last_name}",
        body="lorem ipsum...",
        status="SCHEDULED",
        scheduled_delivery=timezone.now(),
    )
