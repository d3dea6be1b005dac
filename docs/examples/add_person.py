from django.contrib.auth import get_user_model

from django_notification_system.models import NotificationTarget, TargetUserRecord

user = get_user_model().objects.create_user(
    username="egg", email="eggs@example.com", first_name="Eggs", last_name="Benedict"
)
addresses = {
    "Twilio": "+15558675310",
    "Email": "eggs@example.com",
    "Expo": "ExponentPushToken[eggs-benedict]",
}

for name, address in addresses.items():
    TargetUserRecord.objects.create(
        user=user,
        target=NotificationTarget.objects.get(name=name),
        target_user_id=address,
        description=f"Eggs Benedict's {name}",
    )
