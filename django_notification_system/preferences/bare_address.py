"""The word of an address without a user, and how the word is stored.

The word on a category is a suppression. The word on everything is a suppression, too, and switches
the records off: a suppression stops messages with a category, and a message without a category is
stopped by the record, as ``NotificationOptOut`` stops the message of a user.
"""

from functools import partial
from typing import Any

from django.db import router, transaction
from django.db.models import QuerySet
from django.utils import timezone

from ..categories import Category
from ..database import DEADLOCK_ATTEMPTS, despite_deadlocks
from ..models import Notification, Suppression, TargetUserRecord
from ..models.locking import begin_with_a_write
from .addresses import records_with_address
from .suppressions import suppress, unsuppress

REASON = Suppression.Reason.UNSUBSCRIBED


def set_address_preference(
    key: str, address: str, category: Category | None, *, wanted: bool, how: str | None = None
) -> None:
    """Store the yes or no of an address without a user, as ``set_preference()`` does of a user.

    A suppression for another reason than the owner's word stays. Records of queued mail stay on,
    so that a link to a new password arrives.

    Args:
        key: The target's key.
        address: The address.
        category: The category; ``None``: everything.
        wanted: Whether messages shall come.
        how: How a no came, a value of ``ConsentLog.How``; by default by a link.

    Raises:
        InvalidPreference: When there is no such target any more.
        TargetUnavailable: When the target's module cannot be imported, so that no other process
            would find the address.
    """
    if category is not None and wanted:
        unsuppress(key, address, category=category, reason=REASON)
    elif category is not None:
        suppress(key, address, category=category, reason=REASON, how=how)
    else:
        using = router.db_for_write(Suppression)
        store = _resume if wanted else partial(_end, how=how)
        despite_deadlocks(
            lambda: store(key, address, using), attempts=DEADLOCK_ATTEMPTS, using=using
        )


def _end(key: str, address: str, using: str, *, how: str | None) -> None:
    with transaction.atomic(using=using):
        begin_with_a_write(Notification._base_manager.using(using))
        suppress(key, address, reason=REASON, how=how)
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
