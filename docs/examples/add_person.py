from django.contrib.auth import get_user_model

from django_notification_system.models import NotificationTarget, TargetUserRecord

name = {"first_name": "Eggs", "last_name": "Benedict", "email": "eggs@example.com"}
user, is_new = get_user_model().objects.get_or_create(username="egg", defaults=name)
addresses = {
    "Twilio": "+15558675310",
    "Email": "eggs@example.com",
    "Expo": "ExponentPushToken[eggs-benedict]",
}

for target_name, address in addresses.items():
    TargetUserRecord.objects.get_or_create(
        user=user,
        target=NotificationTarget.objects.get(name=target_name),
        target_user_id=address,
        defaults={"description": f"Eggs Benedict's {target_name}"},
    )

print("Addresses:", TargetUserRecord.objects.filter(user=user).count())
