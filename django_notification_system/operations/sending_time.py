"""The changes that lead to sending, and the conditions that forbid them."""

from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from ..categories import mandatory_keys
from ..models import Notification, NotificationOptOut, TargetUserRecord
from ..models.changes import Change
from ..models.statuses import ENDED_IN_ERROR


def against_sending(moment: datetime, using: str) -> dict[str, Q]:
    """Return the conditions that keep a notification from being sent at a moment, by reason.

    Args:
        moment: The moment of sending.
        using: The database's alias.
    """
    opt_outs = NotificationOptOut.objects.using(using).filter(
        active=True,
        user__notification_target_user_records=OuterRef("target_user_record_id"),
    )
    records = TargetUserRecord.objects.using(using).filter(
        active=False, pk=OuterRef("target_user_record_id")
    )
    return {
        "opted out": Q(Exists(opt_outs)) & ~Q(category__in=mandatory_keys()),
        "inactive": Q(Exists(records)),
        "expired": Q(expires_at__lte=moment),
    }


def _against_sending_now(moment: datetime, using: str) -> dict[str, Q]:
    return against_sending(moment, using) | {"due": Q(scheduled_delivery__lte=moment)}


SEND_NOW = Change(
    statuses=Notification.PENDING_STATUSES,
    values=lambda moment: {"scheduled_delivery": moment},
    against=_against_sending_now,
)
RETRY_FAILED = Change(
    statuses=ENDED_IN_ERROR,
    # As new: "scheduled" is only for notifications without an attempt. The attempts stand in the
    # history.
    values=lambda moment: {
        "status": Notification.SCHEDULED,
        "scheduled_delivery": moment,
        "retry_attempts": 0,
        "attempted_delivery": None,
    },
    against=against_sending,
)
RESCHEDULE = Change(
    statuses=Notification.PENDING_STATUSES,
    values=lambda moment: {"scheduled_delivery": moment},
    against=against_sending,
)
