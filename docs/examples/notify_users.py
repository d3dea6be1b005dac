from datetime import timedelta

from django.contrib.auth import get_user_model
from django.utils import timezone

from django_notification_system import notify

User = get_user_model()
user = User.objects.get(username="egg")

# One user, in every target where the user has an active record.
notify(user, "Breakfast is ready", "Come while it is hot.")

# Many users, in one target, tomorrow.
created = notify(
    User.objects.filter(is_active=True),
    "The kitchen is closed today",
    "We are open again on Monday.",
    target="Email",
    scheduled_delivery=timezone.now() + timedelta(days=1),
)
print(f"{created} notifications created")

# Several targets.
notify([user], "Your table is free", "Please come to the desk.", target=["Twilio", "Expo"])
