"""Deleting the records of people without an account that nothing uses."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import IntegrityError, connections, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, signals

from ..database import patiently
from ..models import Notification, NotificationTarget, TargetUserRecord
from ..models.locking import begin_with_a_write

#: The origins of records that this app has made for addresses without a user.
MADE_BY_CODE = (TargetUserRecord.Origin.GIVEN, TargetUserRecord.Origin.QUEUED_MAIL)


def unused(using: str) -> Iterator[Q]:
    """Yield conditions of records that no row of any model refers to.

    Args:
        using: The database's alias.
    """
    for relation in TargetUserRecord._meta.get_fields(include_hidden=True):
        if relation.auto_created and (relation.one_to_many or relation.one_to_one):
            referring = relation.related_model._base_manager.using(using)  # type: ignore[union-attr] # a model
            name = relation.field.name  # type: ignore[union-attr] # a relation's
            yield ~Q(Exists(referring.filter(**{name: OuterRef("pk")})))


def delete_unused(rows: QuerySet[TargetUserRecord]) -> int:
    """Delete those of some records that no row of any model refers to; return their number.

    The records are locked before Django looks for rows that refer to them: otherwise Django would
    delete a notification that was made since. Where the database can, records in use by another
    transaction are passed over.

    Args:
        rows: The records, from one table alone.
    """
    using = rows.db
    skip_locked = connections[using].features.has_select_for_update_skip_locked
    try:
        with transaction.atomic(using=using):
            begin_with_a_write(Notification._base_manager.using(using))
            free = rows.order_by("pk").select_for_update(skip_locked=skip_locked)
            keys = list(free.values_list("pk", flat=True))
            records = TargetUserRecord._base_manager.using(using).filter(pk__in=keys)
            _all, by_model = records.filter(*unused(using)).delete()
    except IntegrityError:
        return 0  # a row of a project's model refers to a record since
    return by_model.get(TargetUserRecord._meta.label, 0)


@dataclass(frozen=True)
class RecordPurge:
    """The selection of unused records.

    A record that a person has entered stays. So does a record that is switched off or has bounced,
    because the record is all that keeps the next call from writing to the address; and a record
    that a row of any model refers to.

    Attributes:
        before: Only records last changed before this moment.
        using: The database's alias.
        targets: Only records of one of these targets; ``None``: of any target.
    """

    before: datetime
    using: str
    targets: Sequence[NotificationTarget] | None = None

    def rows(self) -> QuerySet[TargetUserRecord]:
        """Return the selected records."""
        rows = TargetUserRecord.objects.using(self.using).filter(
            *unused(self.using),
            user=None,
            origin__in=MADE_BY_CODE,
            active=True,
            hard_bounces=0,
            modified_date__lt=self.before,
        )
        return rows if self.targets is None else rows.filter(target__in=self.targets)

    def delete(self, batch_size: int) -> Iterator[int]:
        """Delete the records in short transactions; yield the number after each.

        Args:
            batch_size: Number of records in a batch.
        """
        last: UUID | None = None
        while True:
            delete = partial(self._delete_batch, batch_size, last)
            last, deleted = patiently(delete, using=self.using)
            if last is None:
                return
            yield deleted

    def _delete_batch(self, size: int, last: UUID | None) -> tuple[UUID | None, int]:
        """Delete a batch, and return the key of the last record; ``None`` at the end.

        Where the database can, rows are locked, and on SQLite the database: ``notify_addresses()``
        then waits, and makes the record anew.
        """
        skips_locked = connections[self.using].features.has_select_for_update_skip_locked
        rows = self.rows().order_by("pk")
        if last is not None:
            rows = rows.filter(pk__gt=last)
        if skips_locked:
            rows = rows.select_for_update(skip_locked=True)
        try:
            with transaction.atomic(using=self.using):
                if _is_listened_to():
                    # Django's own deletion looks for rows that refer to the records, and deletes
                    # them, also those made since.
                    begin_with_a_write(Notification._base_manager.using(self.using))
                keys = list(rows.values_list("pk", flat=True)[:size])
                return (keys[-1], self._delete_rows(keys)) if keys else (None, 0)
        except IntegrityError:
            return keys[-1], 0  # a notification was made meanwhile: the records are in use

    def _delete_rows(self, keys: Sequence[UUID]) -> int:
        rows = self.rows().filter(pk__in=keys)  # once more: they may be in use by now
        if not _is_listened_to():
            return rows._raw_delete(self.using)
        _all, by_model = rows.delete()
        return by_model.get(TargetUserRecord._meta.label, 0)


def _is_listened_to() -> bool:
    """Tell whether a project wants to hear of each deleted record."""
    return any(
        signal.has_listeners(TargetUserRecord)
        for signal in (signals.pre_delete, signals.post_delete)
    )
