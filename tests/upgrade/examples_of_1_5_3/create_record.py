from django.contrib.auth import get_user_model

from django_notification_system.models import NotificationTarget, TargetUserRecord

User = get_user_model()

user = User.objects.get(first_name="Eggs", last_name="Benedict")
target = NotificationTarget.objects.get(name="Twilio")

user_target = TargetUserRecord.objects.create(
    user=user,
    target=target,
    target_user_id=user.phone_number,
    description=f"{user.first_name} {user.last_name}'s Twilio",
    active=True,
)
