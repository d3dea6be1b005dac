"""The records of addresses without a user: found, made, and held until the call's transaction ends.

An address may be given in many spellings, and by many calls at once. The digest of a record is the
same for all spellings, and the database accepts the digest once.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db import connections

from ..batches import batched
from ..exceptions import InvalidNotification, NotificationsNotCreated
from ..models import NotificationTarget, TargetUserRecord
from ..models.address import trimmed
from ..models.digest import digest_of_address
from ..storable import storable_text
from ..targets import known_description

ADDRESS_MAX_LENGTH: int = TargetUserRecord._meta.get_field("target_user_id").max_length or 0
#: For people who look at the record.
DESCRIPTION = "Given to notify_addresses()"
#: How often records are made that somebody deletes or changes meanwhile.
TRIES = 5
#: How a transaction holds rows that other transactions may read and hold, and nobody may delete.
#: https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-ROWS
#: SQLite has one writer at a time.
HOLD = {"postgresql": " FOR KEY SHARE", "mysql": " LOCK IN SHARE MODE"}


def address_batches(
    addresses: Any, target: NotificationTarget, size: int
) -> Iterator[dict[uuid.UUID, str]]:
    """Yield checked addresses by their digests, each address of a batch once.

    All calls take addresses in the order of the digests, so that no two calls wait for each other.
    An iterator is too long to be sorted, and is sorted batch by batch.

    Args:
        addresses: An address, or an iterable of addresses.
        target: The target of the addresses.
        size: How many addresses are read for a batch.

    Raises:
        InvalidNotification: When an address could never be written to.
    """
    if isinstance(addresses, str):
        addresses = [addresses]
    if isinstance(addresses, bytes | Mapping) or not isinstance(addresses, Iterable):
        raise _no_address("addresses", addresses)
    is_read_once = isinstance(addresses, Iterator)
    for portion in batched(enumerate(addresses), size) if is_read_once else [enumerate(addresses)]:
        by_digest: dict[uuid.UUID, str] = {}
        for position, given in portion:
            address = _checked(f"addresses[{position}]", given, target)
            by_digest.setdefault(digest_of_address(target.pk, address), address)
        for batch in batched(sorted(by_digest.items()), size):
            yield dict(batch)


def _checked(place: str, given: Any, target: NotificationTarget) -> str:
    """Return a trimmed address; errors name the place, and never the address."""
    if not isinstance(given, str):
        raise _no_address(place, given)
    address = trimmed(storable_text(place, given))
    if not address:
        raise InvalidNotification(f"{place} is an empty text. Leave it out.")
    if len(address) > ADDRESS_MAX_LENGTH:
        raise InvalidNotification(
            f"{place} has {len(address)} characters; an address has at most {ADDRESS_MAX_LENGTH}."
        )
    if fault := _fault_of(address, target):
        raise InvalidNotification(f"{place} {fault}")
    return address


def _fault_of(address: str, target: NotificationTarget) -> str:
    described = known_description(target.notification_module_name)
    if described is None or described.fault_of_address is None:
        return ""
    return described.fault_of_address(address)


def _no_address(place: str, value: Any) -> InvalidNotification:
    return InvalidNotification(
        f"addresses must be a str, or an iterable of them; {place} is of type "
        f"{type(value).__name__}. notify() is for users."
    )


def records_of(
    by_digest: Mapping[uuid.UUID, str], target: NotificationTarget, *, using: str
) -> list[TargetUserRecord]:
    """Return the record of each address, made where there was none.

    Until the transaction ends, nobody can delete the records.

    Args:
        by_digest: Addresses by their digests.
        target: The target of the addresses.
        using: The database's alias; a transaction is open on the connection.
    """
    rows = TargetUserRecord.objects.using(using)
    there = rows.filter(digest__in=by_digest).values_list("digest", flat=True)
    missing = by_digest.keys() - set(there)
    for _ in range(TRIES):
        _make({digest: by_digest[digest] for digest in missing}, target, using)
        # Read again: another call may have been quicker with the same address.
        records = _held(by_digest, using)
        outdated = [each for each in records if each.make_digest() != each.digest]
        missing = by_digest.keys() - {each.digest for each in records if each not in outdated}
        if not missing:
            return records
        # update() and SQL change an address or a user, and leave the digest of the former address.
        # Or a purge has deleted the record right now.
        rows.filter(pk__in=[each.pk for each in outdated]).update(digest=None)
    raise NotificationsNotCreated(
        f"The records of {len(missing)} addresses are deleted or changed as soon as they are made."
        " Look for another process that does so."
    )


def _make(by_digest: Mapping[uuid.UUID, str], target: NotificationTarget, using: str) -> None:
    if not by_digest:
        return
    TargetUserRecord.objects.using(using).bulk_create(
        [
            TargetUserRecord(
                target=target,
                target_user_id=by_digest[digest],
                description=DESCRIPTION,
                origin=TargetUserRecord.Origin.GIVEN,
            )
            for digest in sorted(by_digest)  # in one order, so that no calls deadlock
        ],
        ignore_conflicts=True,
    )


def _held(digests: Iterable[uuid.UUID], using: str) -> list[TargetUserRecord]:
    """Read rows that are there now, whatever the transaction has read before, and hold the rows."""
    rows = TargetUserRecord.objects.using(using)
    chosen = rows.filter(digest__in=digests).only(
        "target_id", "target_user_id", "user_id", "origin", "active", "digest"
    )
    sql, parameters = chosen.query.get_compiler(using=using).as_sql()
    return list(rows.raw(sql + HOLD.get(connections[using].vendor, ""), parameters))
