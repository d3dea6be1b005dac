from datetime import timedelta

from django.db.models import F

from django_notification_system.models import Notification

reminders = Notification.objects.pending().filter(idempotency_key="booking-17-reminder")

hour = timedelta(hours=1)
moved = reminders.unclaimed().update(
    scheduled_delivery=F("scheduled_delivery") + hour, expires_at=F("expires_at") + hour
)
print("Reminders moved:", moved)
