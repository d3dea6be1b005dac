from django.utils import timezone

from django_notification_system.models import Notification
from django_notification_system.notification_handlers.twilio import send_notification

notifications_to_send = Notification.objects.filter(
    target_user_record__target__name="Twilio",
    status="SCHEDULED",
    scheduled_delivery__lte=timezone.now(),
)

for notification in notifications_to_send:
    send_notification(notification)
