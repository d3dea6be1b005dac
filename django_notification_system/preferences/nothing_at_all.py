"""An address without a user that wants nothing at all: a suppression, and records switched off.

A suppression stops messages with a category. A message without a category is stopped by the record,
as ``NotificationOptOut`` stops the message of a user.
"""

from typing import Any

from django.db import router, transaction
from django.db.models import QuerySet
from django.utils import timezone

from ..database import DEADLOCK_ATTEMPTS, despite_deadlocks
from ..models import Notification, Suppression, TargetUserRecord
from ..models.locking import begin_with_a_write
from .addresses import records_with_address
from .suppressions import suppress, unsuppress

REASON = Suppression.Reason.UNSUBSCRIBED


def set_everything(key: str, address: str, *, wanted: bool) -> None:
    """Send an address without a user nothing more, or messages again.

    Records of queued mail stay on, so that a link to a new password arrives.

    Args:
        key: The target's key.
        address: The address.
        wanted: Whether messages shall come.
    """
    using = router.db_for_write(Suppression)
    change = _resume if wanted else _end
    despite_deadlocks(lambda: change(key, address, using), attempts=DEADLOCK_ATTEMPTS, using=using)


def _end(key: str, address: str, using: str) -> None:
    with transaction.atomic(using=using):
        begin_with_a_write(Notification._base_manager.using(using))
        suppress(key, address, reason=REASON)
        _switch(_records(key, address, using).filter(active=True), active=False)


def _resume(key: str, address: str, using: str) -> None:
    with transaction.atomic(using=using):
        begin_with_a_write(Notification._base_manager.using(using))
        # Records first: the notifications to records that are off stay where they are.
        ended = _records(key, address, using).filter(active=False, inactive_reason=REASON.value)
        _switch(ended, active=True)
        unsuppress(key, address, reason=REASON)


def _records(key: str, address: str, using: str) -> QuerySet[TargetUserRecord]:
    keys = records_with_address(key, address, using=using)
    return (
        TargetUserRecord.objects.using(using)
        .filter(pk__in=keys, user=None)
        .exclude(origin=TargetUserRecord.Origin.QUEUED_MAIL)
    )


def _switch(records: QuerySet[TargetUserRecord], *, active: bool) -> None:
    values: dict[str, Any] = {
        "active": active,
        "inactive_reason": "" if active else REASON.value,
        "modified_date": timezone.now(),
    }
    records.update(**values)
