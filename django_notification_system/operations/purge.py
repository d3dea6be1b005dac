"""Deleting old notifications that have ended, in batches, so that nobody waits for the purge."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import connections, transaction
from django.db.models import (
    Count,
    Exists,
    Model,
    OuterRef,
    ProtectedError,
    Q,
    QuerySet,
    RestrictedError,
    signals,
)
from django.utils import timezone

from ..database import patiently
from ..models import (
    AttachmentContent,
    Notification,
    NotificationAttachment,
    NotificationAttempt,
    NotificationTarget,
    TargetUserRecord,
)
from ..models.attachment_store import UNUSED_FOR
from ..models.notification_queryset import NotificationQuerySet
from ..models.statuses import ENDED

#: The models whose rows are deleted with their notification.
HISTORY_AND_FILES: tuple[type[Model], ...] = (NotificationAttempt, NotificationAttachment)
#: Django's errors for a row that another model protects.
PROTECTED = (ProtectedError, RestrictedError)
#: A statement has a parameter a row, and SQLite takes no more than 32,766.
MOST_SPARED = 20_000
#: A notification's due time and key.
Found = tuple[datetime, UUID]


@dataclass(frozen=True)
class Purge:
    """The selection of a purge.

    Attributes:
        before: Only notifications due, and last attempted, before this moment.
        using: The database's alias.
        statuses: Only notifications with one of these statuses.
        targets: Only notifications for one of these targets; ``None``: for any target.
    """

    before: datetime
    using: str
    statuses: Sequence[str] = ENDED
    targets: Sequence[NotificationTarget] | None = None

    def rows(self) -> NotificationQuerySet:
        """Return the selected notifications, without rows that a run has claimed."""
        rows = (
            Notification.objects.using(self.using)
            .filter(
                Q(attempted_delivery__isnull=True) | Q(attempted_delivery__lt=self.before),
                status__in=self.statuses,
                scheduled_delivery__lt=self.before,
            )
            .unclaimed()
        )
        if self.targets is None:
            return rows
        records = TargetUserRecord.objects.using(self.using).filter(target__in=self.targets)
        return rows.filter(
            Q(target__in=self.targets)
            | Q(target__isnull=True, target_user_record__in=records.values("pk"))
        )

    def count(self) -> Counter[str]:
        """Count the selected notifications by status."""
        counted = self.rows().order_by().values_list("status").annotate(number=Count("pk"))
        return Counter(dict(counted))

    def delete(self, batch_size: int) -> Iterator[Counter[str]]:
        """Delete the oldest first; yield the number deleted by status after each batch.

        A batch is a short transaction. A notification that another model protects stays, and the
        rest goes; the error is raised at the end. Where the database has ``SKIP LOCKED``, the batch
        leaves out rows locked by another purge or by a person's change.

        Args:
            batch_size: Number of notifications in a batch.

        Raises:
            ProtectedError: When a model of the project's own protects a notification.
            RestrictedError: The same, by ``on_delete=RESTRICT``.
        """
        in_sql = is_deleted_in_sql()
        since: datetime | None = None
        spared = _Spared()
        while True:
            operation = partial(self._delete_batch, batch_size, since, spared, in_sql=in_sql)
            last, deleted = patiently(operation, using=self.using)
            if last is None:
                break
            since = last
            yield deleted
        if spared.error is not None:
            raise spared.error

    def _delete_batch(
        self, size: int, since: datetime | None, spared: "_Spared", *, in_sql: bool
    ) -> tuple[datetime | None, Counter[str]]:
        """Delete a batch, and return the due time of the last row; ``None`` at the end.

        Args:
            size: Number of notifications.
            since: The due time of the last deleted row. Nothing older is left, so the next query
                need not scan the deleted rows that the database keeps for a while.
            spared: The protected rows, which are added to.
            in_sql: Whether rows may be deleted without loading them.
        """
        skip_locked = connections[self.using].features.has_select_for_update_skip_locked
        rows = self.rows().order_by("scheduled_delivery")
        if since is not None:
            rows = rows.filter(scheduled_delivery__gte=since).exclude(pk__in=spared.due_at(since))
        if skip_locked:
            rows = rows.select_for_update(skip_locked=True)
        # Without locks, and so on SQLite, no transaction spans both: SQLite would refuse to turn an
        # outdated read into a write.
        with transaction.atomic(using=self.using) if skip_locked else nullcontext():
            found = list(rows.values_list("scheduled_delivery", "pk")[:size])
            if not found:
                return None, Counter()
            keys = [key for _, key in found]
            delete = partial(self._delete_rows, locked=skip_locked, in_sql=in_sql)
            try:
                with transaction.atomic(using=self.using):
                    return found[-1][0], delete(keys)
            except PROTECTED:
                return found[-1][0], self._delete_alone(found, delete, spared)

    def _delete_alone(
        self, found: list[Found], delete: Callable[[list[UUID]], Counter[str]], spared: "_Spared"
    ) -> Counter[str]:
        """Delete row by row, and spare the protected rows."""
        deleted: Counter[str] = Counter()
        for due_at, key in found:
            try:
                with transaction.atomic(using=self.using):
                    deleted += delete([key])
            except PROTECTED as error:
                spared.add(due_at, key, error)
        return deleted

    def _delete_rows(self, keys: list[UUID], *, locked: bool, in_sql: bool) -> Counter[str]:
        # Rows without a lock may have changed since the query.
        rows = Notification.objects.using(self.using) if locked else self.rows()
        rows = rows.filter(pk__in=keys)
        if in_sql:
            for model in HISTORY_AND_FILES:
                of_rows = model._base_manager.using(self.using)
                parents = keys if locked else rows.values("pk")
                of_rows.filter(notification__in=parents)._raw_delete(self.using)
        statuses = Counter(rows.values_list("status", flat=True))
        if in_sql:
            rows._raw_delete(self.using)
        else:
            rows.delete()
        return statuses


class _Spared:
    """The protected rows of a purge; remembered for the latest due time alone.

    Attributes:
        error: The last error; ``None``: nothing was protected.
    """

    def __init__(self) -> None:
        self.error: ProtectedError | RestrictedError | None = None
        self._due_at: datetime | None = None
        self._keys: list[UUID] = []

    def add(self, due_at: datetime, key: UUID, error: ProtectedError | RestrictedError) -> None:
        """Note a row.

        Args:
            due_at: The row's due time.
            key: The row's key.
            error: Django's error for the row.

        Raises:
            ProtectedError: When too many rows of one due time are protected for one statement.
            RestrictedError: Likewise.
        """
        if due_at != self._due_at:
            self._due_at, self._keys = due_at, []
        self._keys.append(key)
        self.error = error
        if len(self._keys) > MOST_SPARED:
            raise error

    def due_at(self, moment: datetime) -> list[UUID]:
        """Return the keys of the protected rows with a due time."""
        return list(self._keys) if moment == self._due_at else []


def is_deleted_in_sql() -> bool:
    """Tell whether notifications, attempts and attachments may be deleted without loading the rows.

    Django must load the rows where a signal is sent for every deleted row, or where a model of the
    project's own refers to the rows and ``on_delete`` must be applied.
    """
    models: tuple[type[Model], ...] = (Notification, *HISTORY_AND_FILES)
    referring = {
        relation.related_model
        for model in models
        for relation in model._meta.get_fields(include_hidden=True)
        if relation.auto_created and (relation.one_to_many or relation.one_to_one)
    }
    return referring <= set(models) and not any(
        signal.has_listeners(model)
        for signal in (signals.pre_delete, signals.post_delete)
        for model in models
    )


def unused_contents(*, using: str) -> QuerySet[AttachmentContent]:
    """Return the contents of attachments that no notification has had for a day.

    Args:
        using: The database's alias.
    """
    users = NotificationAttachment.objects.using(using).filter(content=OuterRef("pk"))
    return AttachmentContent.objects.using(using).filter(
        ~Exists(users), used_at__lt=timezone.now() - UNUSED_FOR
    )


def delete_unused_contents(batch_size: int, *, using: str) -> int:
    """Delete the contents of attachments that no notification has; return the number.

    A content used within the last day stays: a transaction that is still open may use the content.

    Args:
        batch_size: Number of contents in a batch.
        using: The database's alias.
    """
    unused = unused_contents(using=using)

    def delete_some() -> int:
        keys = list(unused.order_by("used_at").values_list("pk", flat=True)[:batch_size])
        return unused.filter(pk__in=keys)._raw_delete(using) if keys else 0

    deleted = 0
    while number := patiently(delete_some, using=using):
        deleted += number
    return deleted
