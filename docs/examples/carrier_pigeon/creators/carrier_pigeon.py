"""Creates notifications for carrier pigeons, which carry 20 characters at the most."""

from django.utils import timezone

from django_notification_system.exceptions import NotificationsNotCreated, UserHasNoTargetRecords
from django_notification_system.models import Notification
from django_notification_system.utils import check_for_user_opt_out, user_notification_targets


def create_notification(
    user,
    title,
    body,
    scheduled_delivery=None,
    retry_time_interval=60,
    max_retries=3,
    quiet=False,
    extra=None,
):
    check_for_user_opt_out(user)
    records = user_notification_targets(user, "Carrier Pigeon")
    if not records and not quiet:
        raise UserHasNoTargetRecords
    created_any = False
    for record in records:
        _, created = Notification.objects.get_or_create(
            target_user_record=record,
            title=title,
            scheduled_delivery=scheduled_delivery or timezone.now(),
            extra=extra or {},
            defaults={
                "body": body[:20],
                "status": Notification.SCHEDULED,
                "retry_time_interval": retry_time_interval,
                "max_retries": max_retries,
            },
        )
        created_any = created_any or created
    if records and not created_any and not quiet:
        raise NotificationsNotCreated
