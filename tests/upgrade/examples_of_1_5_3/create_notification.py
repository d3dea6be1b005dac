# There, `user=User` looks the record up by the class, and its variable has two spellings: that can
# never have run.
from django.contrib.auth import get_user_model
from django.utils import timezone

from django_notification_system.models import Notification, UserInNotificationTarget

User = get_user_model()
user = User.objects.get(first_name="Eggs", last_name="Benedict")

user_target = UserInNotificationTarget.objects.get(user=user, target__name="Email")

notification = Notification.objects.create(
    user_target=user_target,
    title=f"Good morning, {user.first_name}",
    body="lorem ipsum...",
    status="SCHEDULED",
    scheduled_delivery=timezone.now(),
)
