"""The records of addresses without a user: found, made, and locked until the call's end.

An address may be given in many spellings, and by many calls at once. The digest of a record is the
same for all spellings, and the database accepts the digest once.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..batches import batched
from ..database import leaving_existing
from ..exceptions import InvalidNotification, NotificationsNotCreated
from ..models import NotificationTarget, TargetUserRecord
from ..models.address import ADDRESS_MAX_LENGTH, trimmed
from ..models.digest import digest_of_address
from ..models.locking import share_locked
from ..storable import storable_text
from ..targets import known_description

#: For people who look at the record.
DESCRIPTION = "Given to notify_addresses()"
#: How often records are made that somebody deletes or changes meanwhile.
TRIES = 5


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
        raise InvalidNotification(f"{place} is an empty text. Leave it out.", argument="addresses")
    if len(address) > ADDRESS_MAX_LENGTH:
        raise InvalidNotification(
            f"{place} has {len(address)} characters; an address has at most {ADDRESS_MAX_LENGTH}.",
            argument="addresses",
        )
    if fault := _fault_of(address, target):
        raise InvalidNotification(f"{place} {fault}", argument="addresses")
    return address


def _fault_of(address: str, target: NotificationTarget) -> str:
    described = known_description(target.notification_module_name)
    if described is None or described.fault_of_address is None:
        return ""
    return described.fault_of_address(address)


def _no_address(place: str, value: Any) -> InvalidNotification:
    return InvalidNotification(
        f"addresses must be a str, or an iterable of them; {place} is of type "
        f"{type(value).__name__}. notify() is for users.",
        argument="addresses",
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

    Raises:
        NotificationsNotCreated: When somebody deletes the records as fast as they are made.
    """
    rows = TargetUserRecord.objects.using(using)
    there = rows.filter(digest__in=by_digest).values_list("digest", flat=True)
    missing = by_digest.keys() - set(there)
    for _ in range(TRIES):
        _make({digest: by_digest[digest] for digest in missing}, target, using)
        # Read again: another call may have been quicker with the same address.
        records = _share_locked(by_digest, using)
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
        **leaving_existing("digest", using=using),
    )


def _share_locked(digests: Iterable[uuid.UUID], using: str) -> list[TargetUserRecord]:
    """Read rows that are there now, whatever the transaction has read before, and lock the rows."""
    rows = TargetUserRecord.objects.using(using)
    chosen = rows.filter(digest__in=digests)
    columns = ("target_id", "target_user_id", "user_id", "origin", "active", "digest")
    return share_locked(chosen.only(*columns))
