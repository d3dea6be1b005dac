"""Erasing what this app stores about a person."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import IntegrityError, router, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from ..database import patiently
from ..exceptions import InvalidPreference
from ..models import (
    AttachmentContent,
    ConsentLog,
    Notification,
    NotificationAttachment,
    Preference,
    Suppression,
    TargetUserRecord,
)
from ..models.attachment_store import USE_NOTED_EVERY
from ..models.locking import begin_with_a_write, locked
from ..models.notification_queryset import NotificationQuerySet
from ..on_site import installed_inbox
from .person_addresses import PersonAddresses, addresses_of
from .purge import HISTORY_AND_FILES, is_deleted_in_sql

#: How many rows a transaction deletes or changes.
BATCH_SIZE = 1000


@dataclass
class Erased:
    """How many rows an erasure deleted or emptied.

    Attributes:
        notifications: Deleted notifications; attempts and attachments go too, and are not counted.
        records: Deleted records.
        preferences: Deleted preferences.
        log_entries: Entries of the consent log that lost the person and the IP address.
        suppressions: Suppressions that lost the address; the hash goes on suppressing.
        items: Deleted items of the inbox; 0 in a project without an inbox.
    """

    notifications: int = 0
    records: int = 0
    preferences: int = 0
    log_entries: int = 0
    suppressions: int = 0
    items: int = 0


def erase_person_data(user: Any, *, dry_run: bool = False, using: str | None = None) -> Erased:
    """Erase what this app stores about a person, in short transactions.

    Records, notifications, attempts, attachments, preferences and items of the inbox are deleted.
    The consent log keeps its entries without the person and the IP address, and suppressions keep
    their hashes without the address. The user's row is the project's and stays, and with the row
    an opt-out from everything. Records of people without an account that have one of the person's
    addresses are deleted too; another user's record stays.

    An interrupted erasure is finished by the next call. A notification on its way is sent.

    Args:
        user: The user.
        dry_run: Whether to count only.
        using: The database's alias; by default the router's choice.

    Returns:
        How many rows were, or would be, deleted or emptied.

    Raises:
        InvalidPreference: When ``user`` is no saved user.
        TargetUnavailable: When the module of one of the person's targets cannot be imported, so
            that the suppressions of its addresses cannot be found. Nothing was erased then.
        ProtectedError: When a model of the project's own protects a notification or a record.
        RestrictedError: The same, by ``on_delete=RESTRICT``.
    """
    if user is None or user.pk is None:
        raise InvalidPreference("user must be a saved user.", argument="user")
    using = using or router.db_for_write(Notification)
    erasure = _Erasure(user.pk, addresses_of(user, using=using), using)
    return erasure.count() if dry_run else erasure.run()


class _Erasure:
    """The erasure of one person.

    Args:
        user_id: The user's key.
        addresses: The person's addresses.
        using: The database's alias.
    """

    def __init__(self, user_id: Any, addresses: PersonAddresses, using: str) -> None:
        self.using = using
        self.records = sorted({*addresses.records, *addresses.records_without_user()})
        self.preferences = Preference.objects.using(using).filter(user=user_id)
        self.log = ConsentLog.objects.using(using).of_person(user_id)
        self.user_id = user_id
        self.inbox = installed_inbox()
        # Left out where the address is gone, so that a count tells of this erasure alone.
        self.suppressions = (
            Suppression.objects.using(using)
            .filter(addresses.suppressed())
            .exclude(address="", note="")
        )

    def count(self) -> Erased:
        """Count the rows, and change nothing."""
        return Erased(
            notifications=self._notifications().count(),
            records=len(self.records),
            preferences=self.preferences.count(),
            log_entries=self.log.count(),
            suppressions=self.suppressions.count(),
            items=0 if self.inbox is None else self.inbox.count_of(self.user_id, using=self.using),
        )

    def run(self) -> Erased:
        """Erase; the records, which the rest is found by, go last."""
        erased = Erased()
        erased.suppressions = self._patiently(lambda: self.suppressions.update(address="", note=""))
        while changed := self._patiently(lambda: self.log.forget_person(self.user_id, BATCH_SIZE)):
            erased.log_entries += changed
        while self.inbox is not None and (deleted := self._patiently(self._delete_items)):
            erased.items += deleted
        contents: set[str] = set()
        in_sql = is_deleted_in_sql()
        while deleted := self._patiently(partial(self._delete_batch, contents, in_sql=in_sql)):
            erased.notifications += deleted
        late, erased.records = self._patiently(
            partial(self._delete_records, contents, in_sql=in_sql)
        )
        erased.notifications += late
        erased.preferences = self._patiently(lambda: self.preferences.delete()[0])
        self._delete_contents(sorted(contents))
        return erased

    def _delete_items(self) -> int:
        assert self.inbox is not None  # noqa: S101 # asked before
        return self.inbox.erase(self.user_id, BATCH_SIZE, using=self.using)

    def _notifications(self) -> NotificationQuerySet:
        rows = Notification.objects.using(self.using)
        return rows.filter(target_user_record__in=self.records)

    def _delete_batch(self, contents: set[str], *, in_sql: bool) -> int:
        with transaction.atomic(using=self.using):
            # SQLite: a transaction that began with a read cannot wait for a writer.
            begin_with_a_write(Notification._base_manager.using(self.using))
            keys = list(self._notifications().order_by().values_list("pk", flat=True)[:BATCH_SIZE])
            self._delete(keys, contents, in_sql=in_sql)
            return len(keys)

    def _delete(self, keys: Collection[uuid.UUID], contents: set[str], *, in_sql: bool) -> None:
        """Delete notifications with attempts and attachments, and note the contents."""
        rows = Notification.objects.using(self.using).filter(pk__in=keys)
        # A run that records an outcome holds the row, and adds the attempt before letting go.
        list(locked(rows).values_list("pk", flat=True))
        attached = NotificationAttachment.objects.using(self.using).filter(notification__in=keys)
        contents.update(attached.values_list("content", flat=True))
        if not in_sql:
            rows.delete()
            return
        for model in HISTORY_AND_FILES:
            of_rows = model._base_manager.using(self.using).filter(notification__in=keys)
            of_rows._raw_delete(self.using)
        rows._raw_delete(self.using)

    def _delete_records(self, contents: set[str], *, in_sql: bool) -> tuple[int, int]:
        """Delete the records, and the notifications made since; return both numbers."""
        late = 0
        with transaction.atomic(using=self.using):
            begin_with_a_write(Notification._base_manager.using(self.using))
            records = TargetUserRecord.objects.using(self.using).filter(pk__in=self.records)
            # Locked against new notifications, which refer to a record.
            locked_keys = list(
                records.order_by("pk").select_for_update().values_list("pk", flat=True)
            )
            while keys := list(
                self._notifications().order_by().values_list("pk", flat=True)[:BATCH_SIZE]
            ):
                self._delete(keys, contents, in_sql=in_sql)
                late += len(keys)
            records.delete()
        return late, len(locked_keys)

    def _delete_contents(self, digests: Collection[str]) -> None:
        """Delete the contents that no other notification has.

        A content in use within the last two hours stays for ``purge_notifications``: a transaction
        that is still open may have read that the content is there.
        """
        users = NotificationAttachment.objects.using(self.using).filter(content=OuterRef("pk"))
        for digest in digests:
            unused = AttachmentContent.objects.using(self.using).filter(
                ~Exists(users), pk=digest, used_at__lt=timezone.now() - 2 * USE_NOTED_EVERY
            )
            try:
                with transaction.atomic(using=self.using):
                    unused._raw_delete(self.using)
            except IntegrityError:
                pass  # a notification was given the content meanwhile

    def _patiently(self, operation: Any) -> Any:
        return patiently(operation, using=self.using)
