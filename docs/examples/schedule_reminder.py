from datetime import timedelta

from django.contrib.auth import get_user_model
from django.utils import timezone

from django_notification_system import notify

user = get_user_model().objects.get(username="egg")
begins_at = timezone.now() + timedelta(days=1)

created = notify(
    user,
    "Your table is booked",
    "We expect you in an hour.",
    target="Email",
    scheduled_delivery=begins_at - timedelta(hours=1),
    expires_at=begins_at,
    idempotency_key="booking-17-reminder",
)
print("Reminders created:", created)
