"""Removing the records of devices that were not seen for long."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from ..database import patiently
from ..models import Notification, NotificationTarget, TargetUserRecord
from ..models.locking import begin_with_a_write, locked
from ..subscriptions import SEEN_AT, UNSEEN
from .purge_records import delete_unused, unused


@dataclass(frozen=True, kw_only=True)
class Removed:
    """Numbers of records.

    Attributes:
        switched_off: Records that other rows refer to.
        deleted: Records that nothing refers to.
    """

    switched_off: int = 0
    deleted: int = 0

    def __add__(self, other: "Removed") -> "Removed":
        return Removed(
            switched_off=self.switched_off + other.switched_off,
            deleted=self.deleted + other.deleted,
        )


@dataclass(frozen=True, kw_only=True)
class DevicePurge:
    """The selection of active records of devices whose details say when the device was last seen.

    Attributes:
        before: Only devices last seen before this moment.
        using: The database's alias.
        targets: Only records of these targets.
        batch_size: Number of records read at a time.
    """

    before: datetime
    using: str
    targets: Sequence[NotificationTarget]
    batch_size: int = 1000

    def count(self) -> Removed:
        """Return what a purge would remove."""
        return sum(map(self._count, self._batches()), Removed())

    def run(self) -> Iterator[Removed]:
        """Remove the records in short transactions; yield the numbers after each."""
        for keys in self._batches():
            # notify() takes active records alone: first off, then away.
            off = patiently(partial(self._switch_off, keys), using=self.using)
            deleted = patiently(partial(self._delete, off), using=self.using)
            yield Removed(switched_off=len(off) - deleted, deleted=deleted)

    def _rows(self) -> QuerySet[TargetUserRecord]:
        return TargetUserRecord.objects.using(self.using).filter(
            target__in=self.targets,
            origin=TargetUserRecord.Origin.SUBSCRIBED,
            active=True,
            details__isnull=False,
            created_date__lt=self.before,
        )

    def _batches(self) -> Iterator[list[UUID]]:
        """Yield the keys of old devices, from one pass over the records."""
        rows = self._rows().order_by("pk").only("pk", "details")
        last: UUID | None = None
        while True:
            further = rows if last is None else rows.filter(pk__gt=last)
            batch = patiently(lambda: list(further[: self.batch_size]), using=self.using)  # noqa: B023 # runs at once
            if not batch:
                return
            last = batch[-1].pk
            if keys := [record.pk for record in batch if self._is_old(record.details)]:
                yield keys

    def _is_old(self, details: Any) -> bool:
        seen_at = details.get(SEEN_AT) if isinstance(details, dict) else None
        return isinstance(seen_at, int) and seen_at < self.before.timestamp()

    def _count(self, keys: Sequence[UUID]) -> Removed:
        rows = TargetUserRecord.objects.using(self.using).filter(pk__in=keys)
        deleted = rows.filter(*unused(self.using)).count()
        return Removed(switched_off=len(keys) - deleted, deleted=deleted)

    def _switch_off(self, keys: Sequence[UUID]) -> list[UUID]:
        with transaction.atomic(using=self.using):
            begin_with_a_write(Notification._base_manager.using(self.using))
            # Once more, locked: the app may have registered a device meanwhile.
            there = list(locked(self._rows().filter(pk__in=keys)))
            old = [record.pk for record in there if self._is_old(record.details)]
            TargetUserRecord.objects.using(self.using).filter(pk__in=old).update(
                active=False,
                inactive_reason=UNSEEN,
                details=None,
                digest=None,
                modified_date=timezone.now(),
            )
            return old

    def _delete(self, keys: Sequence[UUID]) -> int:
        rows = TargetUserRecord.objects.using(self.using)
        return delete_unused(rows.filter(pk__in=keys, active=False))
