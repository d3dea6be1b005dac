from django.contrib.auth import get_user_model
from django.utils import timezone

from django_notification_system.models import Notification, TargetUserRecord

user = get_user_model().objects.get(first_name="Eggs", last_name="Benedict")

for user_target in TargetUserRecord.objects.filter(user=user):
    Notification.objects.create(
        user_target=user_target,
        title=f"Test notification for {user.first_name} {user.last_name}",
        body="lorem ipsum...",
        status="SCHEDULED",
        scheduled_delivery=timezone.now(),
    )

print("Notifications:", Notification.objects.count())
