"""A creator for a target of the project's own, loaded by its path."""

from datetime import datetime

from django.contrib.auth import get_user_model
from django.utils import timezone

from django_notification_system.exceptions import (
    NotificationsNotCreated,
    UserHasNoTargets,
    UserIsOptedOut,
)
from django_notification_system.utils import check_for_user_opt_out

from ..models import Notification, TargetUserRecord

User = get_user_model()


def create_notification(
    user: "User",
    title: str,
    body: str,
    scheduled_delivery: datetime | None = None,
    retry_time_interval: int = 60,
    max_retries: int = 3,
    quiet=False,
    extra: dict | None = None,
) -> None:
    try:
        check_for_user_opt_out(user=user)
    except UserIsOptedOut:
        if quiet:
            return
        raise UserIsOptedOut() from None

    pigeons = TargetUserRecord.objects.filter(user=user, target__name="Carrier Pigeon", active=True)
    if not pigeons:
        if quiet:
            return
        raise UserHasNoTargets()

    if scheduled_delivery is None:
        scheduled_delivery = timezone.now()

    made = []
    for pigeon in pigeons:
        if extra is None:
            extra = {}
        notification, created = Notification.objects.get_or_create(
            target_user_record=pigeon,
            title=title,
            scheduled_delivery=scheduled_delivery,
            extra=extra,
            defaults={
                "body": body,
                "status": "SCHEDULED",
                "retry_time_interval": retry_time_interval,
                "max_retries": max_retries,
            },
        )
        if created:
            made.append(notification)

    if not made and not quiet:
        raise NotificationsNotCreated()
