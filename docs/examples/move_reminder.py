from datetime import timedelta

from django_notification_system import reschedule
from django_notification_system.models import Notification

reminder = Notification.objects.get(idempotency_key="booking-17-reminder")
begins_at = reminder.scheduled_delivery + timedelta(hours=2)  # an hour later than before

moved = reschedule("booking-17-reminder", begins_at - timedelta(hours=1), expires_at=begins_at)
print(f"{moved.changed} moved, {moved.on_their_way} on their way already")
