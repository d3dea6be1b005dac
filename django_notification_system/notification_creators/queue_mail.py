"""Messages of Django's mail functions, stored as notifications."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import router, transaction
from django.utils import timezone

from ..database import DEADLOCK_ATTEMPTS, STATEMENT_SIZE, despite_deadlocks, leaving_existing
from ..draft import Draft
from ..models import Notification
from ..models.attached import Attached
from ..models.attachment_store import attach_to, store_contents
from ..models.digest import identity_of
from ..models.locking import begin_with_a_write
from ..models.reserved import QUEUED_MAIL
from ..notification_handlers.email.pack import PackedMail, pack
from .attachments import refuse_too_large
from .draft import mail_options, retry_fields
from .queue_records import address_of_record, records_of_queue

ROWS_IN_STATEMENT = 1000
#: About the bytes of a row without texts.
ROW_BYTES = 1000


@dataclass(frozen=True)
class Queued:
    """A message about to be stored.

    Attributes:
        packed: The message.
        address: The first recipient's address.
        options: The fields that the message's ``notification`` names.
    """

    packed: PackedMail
    address: str
    options: Mapping[str, Any]


def packed_mail(message: Any) -> Queued:
    """Return a message in the form for storing.

    Args:
        message: A message with recipients.

    Raises:
        InvalidNotification: When the message cannot be stored, its attachments are too large, or
            its attribute ``notification`` is wrong.
        Exception: Django's own, for a message that Django could not write.
    """
    return queued_from(message, mail_options(getattr(message, "notification", None)))


def queued_from(message: Any, options: Mapping[str, Any]) -> Queued:
    """Return a message in the form for storing.

    Args:
        message: A message with recipients.
        options: Checked fields of the notification.

    Raises:
        InvalidNotification: See ``packed_mail()``.
        Exception: Likewise.
    """
    packed = pack(message)
    refuse_too_large(packed.attachments)
    return Queued(packed, address_of_record(packed.recipients[0]), options)


def queue_mail(mails: Sequence[Queued], *, using: str | None = None) -> None:
    """Store messages in the caller's transaction, or in a transaction of their own.

    Args:
        mails: The messages.
        using: The database's alias; by default the router's choice.

    Raises:
        InvalidNotification: When the project has no target for email, or a handler of its own.
    """
    if not mails:
        return
    using = using or router.db_for_write(Notification)
    despite_deadlocks(lambda: _store(mails, using), attempts=DEADLOCK_ATTEMPTS, using=using)


def _store(mails: Sequence[Queued], using: str) -> None:
    with transaction.atomic(using=using):
        begin_with_a_write(Notification.objects.using(using))
        target_id, records = records_of_queue([mail.address for mail in mails], using=using)
        _insert(mails, target_id, records, using=using)


def _insert(
    mails: Sequence[Queued],
    target_id: uuid.UUID,
    records: Mapping[str, uuid.UUID],
    *,
    using: str,
) -> None:
    now = timezone.now()
    retries = retry_fields(Draft(title="", body="", extra={}))
    rows = [(_row(mail, target_id, records[mail.address], now, retries), mail) for mail in mails]
    for portion in _portions(rows):
        # Ignored: a message whose key another message had.
        has_keys = any(row.idempotency_key is not None for row, _mail in portion)
        Notification.objects.using(using).bulk_create(
            [row for row, _mail in portion],
            **(leaving_existing("digest", using=using) if has_keys else {}),
        )
    attached = {row.pk: mail.packed.attachments for row, mail in rows if row.has_attachments}
    if not attached:
        return
    keyed = [
        row.pk for row, _mail in rows if row.has_attachments and row.idempotency_key is not None
    ]
    there = Notification.objects.using(using).filter(pk__in=keyed).values_list("pk", flat=True)
    for key in {*keyed} - {*there} if keyed else ():
        del attached[key]
    _attach(attached, using=using)


def _attach(attached: Mapping[uuid.UUID, Sequence[Attached]], *, using: str) -> None:
    digests: dict[int, str] = {}
    contents: dict[str, bytes] = {}
    for files in attached.values():
        for file in files:
            # One object in many messages is hashed once.
            digest = digests.setdefault(id(file.content), "") or file.digest
            digests[id(file.content)] = digest
            file.__dict__["digest"] = digest
            contents[digest] = file.content
    store_contents(contents, using=using)
    attach_to(attached, using=using)


def _row(
    mail: Queued,
    target_id: uuid.UUID,
    record_id: uuid.UUID,
    now: datetime,
    retries: Mapping[str, Any],
) -> Notification:
    packed = mail.packed
    row = Notification(
        target_user_record_id=record_id,
        target_id=target_id,
        title=packed.title,
        body=packed.body,
        extra={QUEUED_MAIL: packed.mail},
        has_attachments=bool(packed.attachments),
        status=Notification.SCHEDULED,
        **{"scheduled_delivery": now, **retries, **mail.options},
    )
    # Two equal mails are two mails, unless a key says otherwise.
    identity = None
    if row.idempotency_key is not None:
        identity = identity_of(record_id, now, "", None, idempotency_key=row.idempotency_key)
    row.set_digest(None if identity is None else identity.digest)
    return row


def _portions(
    rows: Sequence[tuple[Notification, Queued]],
) -> Iterator[list[tuple[Notification, Queued]]]:
    """Yield rows for one statement each, by the size of their texts."""
    portion: list[tuple[Notification, Queued]] = []
    size = 0
    for row in rows:
        texts = row[1].packed.texts()
        bytes_of_row = ROW_BYTES + sum(
            len(text) if text.isascii() else len(text.encode()) for text in texts
        )
        if portion and (size + bytes_of_row > STATEMENT_SIZE or len(portion) == ROWS_IN_STATEMENT):
            yield portion
            portion, size = [], 0
        portion.append(row)
        size += bytes_of_row
    if portion:
        yield portion
