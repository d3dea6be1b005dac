"""``notify_addresses()``: for people without an account."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.db import router, transaction
from django.utils import timezone

from ..categories import Category
from ..database import DEADLOCK_ATTEMPTS, despite_deadlocks
from ..draft import Draft
from ..exceptions import InvalidNotification
from ..models import Notification, NotificationTarget
from ..models.locking import begin_with_a_write
from .address_records import address_batches, records_of
from .bulk import insert_notifications
from .chosen import refuse_inbox
from .create import BATCH_SIZE
from .created import Created
from .draft import make_draft
from .nothing_created import Tally, nothing_created_for_addresses
from .notify import GivenFile
from .recipient import Content, Recipient, SameForAll
from .recipients import choose_targets
from .registry import find_creator
from .validate_content import (
    attachments_refused,
    retry_interval_of,
    takes_attachments,
    validate_content,
)
from .wanted import Wanted


def notify_addresses(
    addresses: str | Iterable[str],
    title: str,
    body: str = "",
    *,
    target: str | NotificationTarget,
    scheduled_delivery: datetime | None = None,
    expires_at: datetime | None = None,
    extra: dict[str, Any] | None = None,
    retry_time_interval: int | None = None,
    max_retries: int | None = None,
    idempotency_key: str | None = None,
    quiet: bool = False,
    priority: int = 0,
    category: str | Category = "",
    attachments: Iterable[GivenFile] | None = None,
) -> Created:
    """Create notifications for addresses of people without an account: all of them or none.

    An address gets a record without a user at its first notification, and keeps the record. All
    spellings of one email address are one address, with one record and one notification. The
    address of a user may be among them: the user's own records, opt-outs and preferences do not
    count. An address whose record without a user is switched off, after a bounce for instance, is
    skipped, and with a category a suppressed address, too. As ``notify()`` does, this function
    inserts in bulk, without ``pre_save`` and ``post_save`` signals.

    Args:
        addresses: An address, or an iterable of addresses; at most 254 characters each. For email,
            the address alone, without a name.
        title: See ``notify()``.
        body: See ``notify()``.
        target: The target of the addresses, or its name.
        scheduled_delivery: See ``notify()``.
        expires_at: See ``notify()``.
        extra: See ``notify()``. A template's ``user`` is ``None``.
        retry_time_interval: See ``notify()``.
        max_retries: See ``notify()``.
        idempotency_key: See ``notify()``.
        quiet: Return 0 instead of raising the first error below.
        priority: See ``notify()``.
        category: See ``notify()``.
        attachments: See ``notify()``.

    Returns:
        How many notifications were created, as ``notify()`` says it.

    Raises:
        NotificationsNotCreated: When nothing was created: all records are switched off, the
            notifications exist already, or ``addresses`` is empty.
        InvalidNotification: When a notification could never be delivered, a target does not exist,
            or the target has a creator of the project's own, which needs a user. ``quiet`` does not
            silence this error.
        TargetUnavailable: When the target's creator in ``NOTIFICATION_SYSTEM_CREATORS`` cannot be
            imported.
    """
    draft = make_draft(
        title=title,
        body=body,
        extra=extra,
        scheduled_delivery=scheduled_delivery,
        expires_at=expires_at,
        retry_time_interval=retry_time_interval,
        max_retries=max_retries,
        idempotency_key=idempotency_key,
        priority=priority,
        category=category,
        attachments=attachments,
    )
    return create_for_addresses(addresses, SameForAll(draft), target=target, quiet=quiet)


def create_for_addresses(addresses: Any, content: Content, *, target: Any, quiet: bool) -> Created:
    """Create the notifications of a call; see ``notify_addresses()``.

    Args:
        addresses: See ``notify_addresses()``.
        content: The content.
        target: See ``notify_addresses()``.
        quiet: See ``notify_addresses()``.
    """
    using = router.db_for_write(Notification)
    chosen = _chosen(target, using)
    creation = _AddressCreation(content, chosen, using)
    draft = content.for_address(chosen)
    if draft is None:
        return Created(0, ())
    tally = creation.run(addresses, draft)
    if tally.inserted or quiet or (tally.reached and draft.idempotency_key is not None):
        return tally.created()
    raise nothing_created_for_addresses(tally, chosen)


def _chosen(target: Any, using: str) -> NotificationTarget:
    refuse_inbox(target)
    if not isinstance(target, str | NotificationTarget):
        raise InvalidNotification(
            'target must be a target or its name, such as "Email", not '
            f"{type(target).__name__}: an address belongs to one target.",
            argument="target",
        )
    known = list(NotificationTarget.objects.using(using).order_by("created_date", "name"))
    chosen, *others = choose_targets(target, known)
    if others:
        names = ", ".join(repr(each.name) for each in (chosen, *others))
        raise InvalidNotification(
            f"target is {target!r}, which may be {names}. Name one of them.", argument="target"
        )
    return chosen


class _AddressCreation:
    """Makes the notifications of one call, in one transaction."""

    def __init__(self, content: Content, target: NotificationTarget, using: str) -> None:
        self.content = content
        self.draft = draft = content.draft
        self.target = target
        self.using = using
        self.scheduled_delivery: datetime = draft.scheduled_delivery or timezone.now()

    def run(self, addresses: Any, draft: Draft) -> Tally:
        """Notify all addresses, or none if an error is raised.

        Args:
            addresses: An address, or an iterable of addresses.
            draft: The content for the addresses.

        Raises:
            InvalidNotification: When a project's creator makes the target's notifications, or the
                target takes no such content.
        """
        if creator := find_creator(self.target):
            raise InvalidNotification(
                f"create_notification() in {creator.source} makes the notifications for "
                f"{self.target.name}, and needs a user. Use another target for people without an "
                "account, or remove the creator: notify() does without one.",
                argument="target",
            )
        # Outside the transaction, because a storage may be asked for attachments.
        validate_content(self.target, self.content.for_target(self.target))
        if self.draft.attachments and not takes_attachments(self.target):
            raise attachments_refused(self.target)
        # An iterator cannot be read a second time.
        attempts = 1 if isinstance(addresses, Iterator) else DEADLOCK_ATTEMPTS
        return despite_deadlocks(
            lambda: self._run(addresses, draft), attempts=attempts, using=self.using
        )

    def _run(self, addresses: Any, draft: Draft) -> Tally:
        tally = Tally()
        intervals = {self.target.pk: retry_interval_of(self.target)}
        wanted = Wanted(self.draft.category, {self.target.pk: self.target}, using=self.using)
        with transaction.atomic(using=self.using):
            begin_with_a_write(Notification.objects.using(self.using))
            wanted.begin()
            for by_digest in address_batches(addresses, self.target, BATCH_SIZE):
                tally.users += len(by_digest)
                records = records_of(by_digest, self.target, using=self.using)
                # Nobody decides for an address without a user; a suppression counts.
                found = wanted.among(
                    (each.pk, None, self.target.pk, each.target_user_id)
                    for each in records
                    if each.active
                )
                recipients = [Recipient(pk, target_id, draft) for pk, _, target_id, _ in found]
                tally.refuse(wanted.refused.values())
                if recipients:
                    tally.reached = True
                    tally.add(
                        insert_notifications(
                            recipients,
                            self.scheduled_delivery,
                            using=self.using,
                            intervals=intervals,
                            with_files=[self.target.pk] if self.draft.attachments else [],
                        )
                    )
        return tally
