"""The target of queued mail, and the records of its recipients: found, made, and locked.

A record's key is made of the address, so that a call can refer to a record that another
transaction made first.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connections
from django.utils import timezone
from django.utils.translation import gettext as _

from ..batches import batched
from ..database import leaving_existing
from ..exceptions import InvalidNotification, NotificationsNotCreated
from ..models import NotificationTarget, TargetUserRecord
from ..models.address import ADDRESS_MAX_LENGTH, comparable
from ..models.locking import share_lock
from ..models.target import EMAIL_MODULE, EMAIL_NAME, email_target
from ..preferences.queued_recipients import address_in
from ..storable import storable
from ..targets import known_description

BUILT_IN = "django_notification_system.notification_handlers.email"
DESCRIPTION = "Queued mail"
#: A record in use gets a new ``modified_date`` at most so often, as an attachment does; see
#: ``models/attachment_store.py``.
USE_NOTED_EVERY = timedelta(hours=1)
ROWS_IN_STATEMENT = 1000
#: Of a query for records, the parameters that are no keys.
OTHER_PARAMETERS = 4
#: How often records are made that somebody deletes meanwhile.
TRIES = 5
#: For a recipient without an address.
NO_ADDRESS = "?"


#: The target's key by the database's alias, as last read. A database may have been replaced, and a
#: target renamed or deleted: the key counts only where the query for records finds the target too.
_last_targets: dict[str, uuid.UUID] = {}


def records_of_queue(
    addresses: Iterable[str], *, using: str
) -> tuple[uuid.UUID, dict[str, uuid.UUID]]:
    """Return the key of the target of queued mail, and the keys of the addresses' records.

    Missing records are made. Until the transaction ends, nobody can delete the records.

    Args:
        addresses: The addresses, in any spelling.
        using: The database's alias; a transaction is open on the connection.

    Returns:
        The target's key, and the records' keys by address.

    Raises:
        InvalidNotification: When the project has no target for email, or a handler of its own.
        NotificationsNotCreated: When another process deletes the records again and again.
    """
    _refuse_other_handler()
    spellings = list(dict.fromkeys(addresses))
    lock = connections[using].vendor == "postgresql"
    if (last := _last_targets.get(using)) is not None:
        keys = _keys(last, spellings)
        if found := _found(keys.values(), using=using, lock=lock, of_target=last):
            _make_missing(keys, found, last, using=using)
            return last, keys
    target_id = _target(using)
    keys = _keys(target_id, spellings)
    # Under the last target's key, no record was found a moment ago.
    found = set() if target_id == last else _found(keys.values(), using=using, lock=lock)
    _make_missing(keys, found, target_id, using=using)
    return target_id, keys


def _refuse_other_handler() -> None:
    described = known_description(EMAIL_MODULE)
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


def _target(using: str) -> uuid.UUID:
    """Read the target's key; keep the key of a target with the usual name."""
    target = email_target(using=using)
    if target is None:
        raise InvalidNotification(
            _("There is no target with the module “email”, so no mail can be queued. Run migrate."),
            argument="message",
        )
    if target.name == EMAIL_NAME:
        _last_targets[using] = target.pk
    key: uuid.UUID = target.pk
    return key


def _keys(target_id: uuid.UUID, addresses: Iterable[str]) -> dict[str, uuid.UUID]:
    return {address: _key(target_id, address) for address in addresses}


def _make_missing(
    keys: Mapping[str, uuid.UUID], found: set[uuid.UUID], target_id: uuid.UUID, *, using: str
) -> None:
    by_key: dict[uuid.UUID, str] = {}
    for address, key in keys.items():
        by_key.setdefault(key, address)  # the first spelling
    vendor = connections[using].vendor
    missing = by_key.keys() - found
    # MariaDB locks rows that were found by a query of its own: a locked key without a row would
    # keep another call from making the row.
    unlocked = by_key.keys() if vendor == "mysql" else missing
    for _try in range(TRIES):
        _make({key: by_key[key] for key in sorted(missing)}, target_id, using=using)
        if vendor == "sqlite" or not unlocked:
            return
        missing = unlocked - _found(unlocked, using=using, lock=True)
        if not missing:
            return
        unlocked = missing
    raise NotificationsNotCreated(
        f"The records of {len(missing)} addresses are deleted as soon as they are made. Look for"
        " another process that does so."
    )


def _found(
    keys: Iterable[uuid.UUID], *, using: str, lock: bool, of_target: uuid.UUID | None = None
) -> set[uuid.UUID]:
    """Return the keys that have a record, and note the records' use.

    Args:
        keys: The keys.
        using: The database's alias.
        lock: Whether to lock the rows.
        of_target: The key of a target that must be there, with the usual name and module, or else
            no record is found.
    """
    found: set[uuid.UUID] = set()
    now = timezone.now()
    # SQLite takes no more parameters: https://www.sqlite.org/limits.html#max_variable_number
    most = connections[using].features.max_query_params
    size = min(most - OTHER_PARAMETERS, ROWS_IN_STATEMENT) if most else ROWS_IN_STATEMENT
    rows = TargetUserRecord.objects.using(using)
    for some in batched(sorted({*keys}), size):
        for key, is_stale in _read(some, now, using=using, lock=lock, of_target=of_target):
            # No row: a purge was faster.
            if not is_stale or rows.filter(pk=key).update(modified_date=now):
                found.add(key)
    return found


def _read(
    keys: Sequence[uuid.UUID],
    now: datetime,
    *,
    using: str,
    lock: bool,
    of_target: uuid.UUID | None,
) -> list[tuple[uuid.UUID, bool]]:
    """Return the keys with a record, each with whether a use must be noted.

    Written as SQL: for each single mail, Django would make the same statement anew, which takes a
    third of all processor time.
    """
    connection = connections[using]
    record, target = TargetUserRecord._meta, NotificationTarget._meta
    quoted = connection.ops.quote_name
    sql = (
        f"SELECT id, modified_date < %s FROM {quoted(record.db_table)}"  # noqa: S608 # our own names
        f" WHERE id IN ({', '.join(['%s'] * len(keys))})"
    )
    parameters: list[Any] = [
        connection.ops.adapt_datetimefield_value(now - USE_NOTED_EVERY),
        *(record.pk.get_db_prep_value(key, connection) for key in keys),
    ]
    if of_target is not None:
        sql += (
            f" AND EXISTS (SELECT 1 FROM {quoted(target.db_table)}"  # noqa: S608 # likewise
            " WHERE id = %s AND name = %s AND notification_module_name = %s)"
        )
        parameters += [
            target.pk.get_db_prep_value(of_target, connection),
            EMAIL_NAME,
            EMAIL_MODULE,
        ]
    if lock:
        sql += share_lock(TargetUserRecord, using)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [
            (key if isinstance(key, uuid.UUID) else uuid.UUID(key), bool(is_stale))
            for key, is_stale in cursor.fetchall()
        ]


def _make(missing: Mapping[uuid.UUID, str], target_id: uuid.UUID, *, using: str) -> None:
    """Insert records, by key; two calls that have them in one order wait for each other."""
    if not missing:
        return
    TargetUserRecord.objects.using(using).bulk_create(
        [
            TargetUserRecord(
                pk=key,
                target_id=target_id,
                target_user_id=address,
                description=DESCRIPTION,
                origin=TargetUserRecord.Origin.QUEUED_MAIL,
            )
            for key, address in missing.items()
        ],
        batch_size=ROWS_IN_STATEMENT,
        **leaving_existing("target", using=using),
    )


def address_of_record(recipient: str) -> str:
    """Return the address of a recipient, without a name and in a form for a record.

    Args:
        recipient: The recipient, as in a mail's header: with or without a name.
    """
    return storable(address_in(recipient), ADDRESS_MAX_LENGTH) or NO_ADDRESS


def _key(target_id: uuid.UUID, address: str) -> uuid.UUID:
    spelling = comparable(address)[:ADDRESS_MAX_LENGTH]
    return uuid.uuid5(target_id, f"{DESCRIPTION}:{spelling}")
