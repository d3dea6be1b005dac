"""What a project does: a person with three addresses, and a notification for each."""

from django.contrib.auth import get_user_model
from django.utils import timezone

from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord

from .notification_types import BreakfastReady

USERNAME = "egg"
PASSWORD = "benedict"
ADDRESSES = {
    "Twilio": "+15558675310",
    "Email": "eggs@example.com",
    "Expo": "ExponentPushToken[eggs-benedict]",
}


def make_person() -> None:
    """Make Eggs Benedict, who may use the admin, and an address in each target."""
    user = get_user_model().objects.create_superuser(
        username=USERNAME,
        password=PASSWORD,
        email=ADDRESSES["Email"],
        first_name="Eggs",
        last_name="Benedict",
    )
    for target_name, address in ADDRESSES.items():
        TargetUserRecord.objects.create(
            user=user,
            target=NotificationTarget.objects.get(name=target_name),
            target_user_id=address,
            description=f"Eggs Benedict's {target_name}",
        )
    # At the bell at once, as no run delivers to the inbox; and by email, unless read by then.
    BreakfastReady(dish="Eggs Benedict", table=4).notify(user)


def create_notifications() -> None:
    """Create a notification, due now, for each of the addresses."""
    user = get_user_model().objects.get(first_name="Eggs", last_name="Benedict")
    for user_target in TargetUserRecord.objects.filter(
        user=user
    ):  # one each for Twilio, Email, Expo
        Notification.objects.create(
            user_target=user_target,
            title=f"Test notification for {user.first_name} {user.last_name}",
            body="lorem ipsum...",
            status="SCHEDULED",
            scheduled_delivery=timezone.now(),
            # The email is a newsletter, with a link to unsubscribe: `make serve`, and click it.
            category="news" if user_target.target.name == "Email" else "",
        )
