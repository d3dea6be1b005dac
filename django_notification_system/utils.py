"""Helpers of release 1.5.3, for projects' own creators and handlers."""

from typing import Any

from django.utils import timezone

from .exceptions import UserIsOptedOut
from .models import Notification, TargetUserRecord
from .models.opted_out import is_opted_out
from .notification_creators.nothing_created import opted_out, user_name


def check_for_user_opt_out(user: Any) -> None:
    """Do nothing unless the user has opted out.

    Args:
        user: An instance of the project's user model.

    Raises:
        UserIsOptedOut: When the user has an active opt-out.
    """
    if is_opted_out(user):
        raise UserIsOptedOut(opted_out(user_name(user)))


def user_notification_targets(user: Any, target_name: str) -> Any:
    """Return the user's active records in a target.

    Args:
        user: An instance of the project's user model.
        target_name: The target's name, such as ``"Email"``.

    Returns:
        A queryset of ``TargetUserRecord``.
    """
    return TargetUserRecord.objects.filter(user=user, target__name=target_name, active=True)


def check_and_update_retry_attempts(
    notification: Notification, minute_interval: int | None = None
) -> None:
    """Count a failed attempt and save: ``RETRY``, or ``DELIVERY FAILURE`` after the last one.

    Args:
        notification: The notification whose delivery failed.
        minute_interval: Minutes to the next attempt; by default the notification's own
            ``retry_time_interval``, or the interval of the project's policy if the notification
            follows the policy.
    """
    notification.count_failed_attempt(timezone.now(), minute_interval)
    notification.save(
        update_fields=[
            "status",
            "scheduled_delivery",
            "attempted_delivery",
            "retry_attempts",
            "modified_date",
        ]
    )
