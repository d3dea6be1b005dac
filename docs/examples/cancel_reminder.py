from django_notification_system.models import Notification

reminders = Notification.objects.pending().filter(idempotency_key="booking-17-reminder")

cancelled = reminders.unclaimed().update(status=Notification.CANCELLED)
print("Reminders cancelled:", cancelled)
