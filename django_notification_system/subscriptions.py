"""The subscriptions of browsers and devices: one user has a browser or device at a time.

A record of a subscription has an address that is private and perhaps long, such as a browser's
endpoint or a device's token; ``target_user_id`` is the short address, and the rest is in
``details``.
"""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, router, transaction
from django.db.models import Q
from django.utils import timezone

from .database import DEADLOCK_ATTEMPTS, despite_deadlocks
from .models import Notification, NotificationTarget, TargetUserRecord
from .models.details import Details, is_short_address, short_address
from .models.locking import begin_with_a_write, locked
from .storable import json_object, storable_text

__all__ = ["end_subscription", "is_short_address", "record_at", "short_address", "subscribe"]

#: Why a record is off whose browser or device another user has now.
MOVED = "moved"
#: Why a record is off whose browser or device ended the subscription.
ENDED = "ended"
#: Why a record is off whose device was not seen for long.
UNSEEN = "unseen"
#: The name in a record's details of the moment at which a device was last seen: seconds since 1970.
SEEN_AT = "seen_at"
#: How often a subscription is tried that another call for the same address overtakes.
TRIES = 5
DESCRIPTION = "Subscribed"
LONGEST_DESCRIPTION: int = TargetUserRecord._meta.get_field("description").max_length or 0


def subscribe(
    user: Any,
    target: NotificationTarget,
    address: str,
    details: Mapping[str, Any] | None = None,
    *,
    description: str = DESCRIPTION,
    using: str | None = None,
) -> TargetUserRecord:
    """Make a user's record of a browser or device, or renew the record that is there.

    Another user's record of the same address is switched off and loses its details: of two people
    at one browser, only the last is rung. The other's notifications stay with the other. Calls at
    the same time leave one record on; the database sees to that.

    Args:
        user: The user; saved.
        target: The target.
        address: The real address, such as a browser's endpoint. The record's ``target_user_id`` is
            the short address; put the real one into ``details`` where the handler needs it.
        details: What the target needs beside the short address; ready for JSON.
        description: A note for people about the browser or device; a long note is cut.
        using: The database's alias; by default the router's choice for writing.

    Returns:
        The record.

    Raises:
        InvalidNotification: When a database could not store the details or the description.
    """
    using = using or router.db_for_write(TargetUserRecord)
    subscription = _Subscription(
        user.pk,
        target.pk,
        short_address(address),
        None if details is None else Details(json_object(dict(details), "details")),
        " ".join(storable_text("description", description).split())[:LONGEST_DESCRIPTION],
        using,
    )
    for _ in range(TRIES - 1):
        try:
            return subscription.make()
        except IntegrityError:
            pass  # another call was quicker with the same address
    return subscription.make()


def end_subscription(
    user: Any, target: NotificationTarget, address: str, *, using: str | None = None
) -> bool:
    """Switch a user's record of a browser or device off, and drop its details.

    Args:
        user: The user; another user's record stays.
        target: The target.
        address: The real address, or the short one.
        using: The database's alias; by default the router's choice for writing.

    Returns:
        Whether the user had an active record with the address.
    """
    using = using or router.db_for_write(TargetUserRecord)
    records = TargetUserRecord.objects.using(using).filter(
        user=user.pk, target=target.pk, target_user_id=short_address(address), active=True
    )
    return bool(records.update(**_off(ENDED)))


def record_at(
    target: NotificationTarget, address: str, *, using: str | None = None
) -> TargetUserRecord | None:
    """Return a target's active record of a real or short address with its details, if any.

    Args:
        target: The target.
        address: The real address, or the short one.
        using: The database's alias; by default the target's own.
    """
    records = TargetUserRecord.objects.using(using or target._state.db)
    return (
        records.filter(
            target=target.pk,
            target_user_id__in={address, short_address(address)},
            active=True,
            details__isnull=False,
        )
        .order_by("-modified_date", "pk")
        .first()
    )


class _Subscription:
    """A user's wish to have the messages of one address.

    Args:
        user_id: The user's key.
        target_id: The target's key.
        address: The short address.
        details: The details.
        description: The note for people.
        using: The database's alias.
    """

    def __init__(
        self,
        user_id: Any,
        target_id: Any,
        address: str,
        details: Details | None,
        description: str,
        using: str,
    ) -> None:
        self._rows = TargetUserRecord.objects.using(using)
        self._user_id = user_id
        self._address = {"target_id": target_id, "target_user_id": address}
        self._values = {
            "details": details,
            "description": description or DESCRIPTION,
            "active": True,
            "hard_bounces": 0,
            "inactive_reason": "",
            "origin": TargetUserRecord.Origin.SUBSCRIBED,
        }
        self._using = using

    def make(self) -> TargetUserRecord:
        """Make or update the record, in one transaction.

        Raises:
            IntegrityError: When another call makes a record of the address right now.
        """
        return despite_deadlocks(self._make, attempts=DEADLOCK_ATTEMPTS, using=self._using)

    def _make(self) -> TargetUserRecord:
        # Inside a transaction of the caller's, a savepoint: an error leaves that transaction whole.
        with transaction.atomic(using=self._using):
            begin_with_a_write(Notification._base_manager.using(self._using))
            # All users' records in one order, so that two calls do not wait for each other.
            there = list(locked(self._rows.filter(**self._address)))
            others = [each.pk for each in there if each.user_id != self._user_id]
            taken = self._rows.filter(Q(active=True) | ~Q(digest=None), pk__in=others)
            taken.update(**_off(MOVED))
            own = [each for each in there if each.user_id == self._user_id]
            record = own[0] if own else TargetUserRecord(user_id=self._user_id, **self._address)
            for name, value in self._values.items():
                setattr(record, name, value)
            # The digest is unique: where another user's call is quicker, this save is refused.
            record.save(using=self._using)
            return record


def _off(reason: str) -> dict[str, Any]:
    return {
        "active": False,
        "inactive_reason": reason,
        "details": None,
        "digest": None,
        "modified_date": timezone.now(),
    }
