"""The addresses of a person, and the records and hashes with these addresses."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from ..models import NotificationTarget, TargetUserRecord
from ..models.digest import digest_of_address
from ..preferences.addresses import address_hash, records_with_address
from ..targets import known_description, target_key, targets_to_ask


@dataclass(frozen=True)
class PersonAddresses:
    """A user's addresses: those of the records, and those that the project keeps itself.

    Attributes:
        pairs: Each address with its target's key in ``NOTIFICATION_SYSTEM_TARGETS``.
        records: The keys of the user's records.
        using: The database's alias.
    """

    pairs: frozenset[tuple[str, str]]
    records: tuple[uuid.UUID, ...]
    using: str

    def suppressed(self) -> Q:
        """Return the condition for the suppressions of the addresses, in all spellings."""
        found = Q(pk__in=())
        for key, address in sorted(self.pairs):
            found |= Q(target_key=key, address_hash=address_hash(key, address))
        return found

    def hashes(self) -> list[str]:
        """Return the hashes of the addresses; two targets never have the same."""
        return sorted({address_hash(key, address) for key, address in self.pairs})

    def records_without_user(self) -> set[uuid.UUID]:
        """Return the keys of the records with one of the addresses, and without a user."""
        rows = TargetUserRecord.objects.using(self.using).filter(user=None)
        targets = list(NotificationTarget.objects.using(self.using).all())
        found: set[uuid.UUID] = set()
        for key, address in self.pairs:
            alike = Q(pk__in=records_with_address(key, address, using=self.using))
            for target in targets:
                if target_key(target.notification_module_name) == key:
                    alike |= Q(digest=digest_of_address(target.pk, address))
            found.update(rows.filter(alike).values_list("pk", flat=True))
        return found


def addresses_of(user: Any, *, using: str) -> PersonAddresses:
    """Return the addresses of a user.

    Args:
        user: The user.
        using: The database's alias.
    """
    rows = TargetUserRecord.objects.using(using).filter(user=user.pk).select_related("target")
    records = list(rows.order_by("pk"))
    pairs = {
        (target_key(record.target.notification_module_name), str(record.target_user_id))
        for record in records
    }
    for described in map(known_description, targets_to_ask()):
        if described is not None and described.own_addresses is not None:
            pairs.update((described.key, address) for address in described.own_addresses(user))
    return PersonAddresses(frozenset(pairs), tuple(record.pk for record in records), using)
