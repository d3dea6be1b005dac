"""Messages of Django's mail functions, stored as notifications."""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any

from django.db import router, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ..database import DEADLOCK_ATTEMPTS, STATEMENT_SIZE, despite_deadlocks
from ..draft import Draft
from ..exceptions import InvalidNotification
from ..models import Notification, NotificationTarget, TargetUserRecord
from ..models.address import comparable, trimmed
from ..models.attached import Attached
from ..models.contents import attach_to, store_contents
from ..models.digest import identity_of
from ..models.locking import begin_with_a_write
from ..models.reserved import QUEUED_MAIL
from ..notification_handlers.email.pack import PackedMail, pack
from ..storable import storable
from ..targets import known_description
from .attachments import refuse_too_large
from .draft import mail_options, retry_fields

MODULE_NAME = "email"
BUILT_IN = "django_notification_system.notification_handlers.email"
ADDRESS_MAX_LENGTH: int = TargetUserRecord._meta.get_field("target_user_id").max_length or 0
DESCRIPTION = "Queued mail"
#: A record in use gets a new ``modified_date`` at most so often; see ``models/contents.py``.
USE_NOTED_EVERY = timedelta(hours=1)
ROWS_IN_STATEMENT = 1000
#: SQLite may allow no more than 999 parameters.
#: https://www.sqlite.org/limits.html#max_variable_number
ROWS_IN_QUERY = 900
#: For a recipient without an address.
NO_ADDRESS = "?"
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
    return Queued(packed, _address(packed.recipients[0]), options)


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
        target = _target(using)
        records = _records(target, [mail.address for mail in mails], using=using)
        _insert(mails, target, records, using=using)


def _insert(
    mails: Sequence[Queued],
    target: NotificationTarget,
    records: Mapping[str, uuid.UUID],
    *,
    using: str,
) -> None:
    now = timezone.now()
    retries = retry_fields(Draft(title="", body="", extra={}))
    rows = [(_row(mail, target, records[mail.address], now, retries), mail) for mail in mails]
    for portion in _portions(rows):
        # Ignored: a message whose key another message had.
        has_keys = any(row.idempotency_key is not None for row, _mail in portion)
        Notification.objects.using(using).bulk_create(
            [row for row, _mail in portion], ignore_conflicts=has_keys
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
    target: NotificationTarget,
    record_id: uuid.UUID,
    now: datetime,
    retries: Mapping[str, Any],
) -> Notification:
    packed = mail.packed
    row = Notification(
        target_user_record_id=record_id,
        target_id=target.pk,
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


def _target(using: str) -> NotificationTarget:
    targets = NotificationTarget.objects.using(using).filter(notification_module_name=MODULE_NAME)
    target = min(targets, key=lambda each: (each.name != "Email", each.name), default=None)
    if target is None:
        raise InvalidNotification(
            _("There is no target with the module “email”, so no mail can be queued. Run migrate."),
            argument="message",
        )
    described = known_description(MODULE_NAME)
    if described is not None and described.source != BUILT_IN:
        raise InvalidNotification(
            _(
                "No mail can be queued: %s, the project's own handler for email, stands in the"
                " place of this app's, and knows nothing of queued mail. Give it another module"
                " name and a target of its own."
            )
            % described.source,
            argument="message",
        )
    return target


def _records(
    target: NotificationTarget, addresses: Iterable[str], *, using: str
) -> dict[str, uuid.UUID]:
    """Return the records of addresses, by address; make missing records.

    A record's key is made of the address, so the caller can refer to a record that another
    transaction made first.
    """
    keys = {address: _key(target, address) for address in addresses}
    wanted = sorted(set(keys.values()))
    rows = TargetUserRecord.objects.using(using)
    found: dict[uuid.UUID, datetime] = {}
    for start in range(0, len(wanted), ROWS_IN_QUERY):
        some = wanted[start : start + ROWS_IN_QUERY]
        found.update(rows.filter(pk__in=some).values_list("pk", "modified_date"))
    stale = [key for key, moment in found.items() if moment < timezone.now() - USE_NOTED_EVERY]
    for key in stale:
        # No row: a purge was faster.
        if not rows.filter(pk=key).update(modified_date=timezone.now()):
            del found[key]
    missing: dict[uuid.UUID, str] = {}
    for address, key in keys.items():
        if key not in found:
            missing.setdefault(key, address)  # the first spelling
    rows.bulk_create(
        [
            TargetUserRecord(
                pk=key,
                target=target,
                target_user_id=missing[key],
                description=DESCRIPTION,
                origin=TargetUserRecord.Origin.QUEUED_MAIL,
            )
            # Always in the same order, so that two calls at once wait for each other.
            for key in sorted(missing)
        ],
        batch_size=ROWS_IN_STATEMENT,
        ignore_conflicts=True,
    )
    return keys


def _address(recipient: str) -> str:
    """Return the address of a recipient, without a name and in a form for a record."""
    address = trimmed(parseaddr(recipient)[1] or recipient)
    return storable(address, ADDRESS_MAX_LENGTH) or NO_ADDRESS


def _key(target: NotificationTarget, address: str) -> uuid.UUID:
    spelling = comparable(address)[:ADDRESS_MAX_LENGTH]
    return uuid.uuid5(target.pk, f"{DESCRIPTION}:{spelling}")
