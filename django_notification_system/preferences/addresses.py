"""Addresses: the keyed hash, useless without the key, and the records with an address."""

import hmac
import unicodedata
import uuid
from collections.abc import Callable

from django.conf import settings
from django.utils.encoding import force_bytes

from ..conf import engine_settings
from ..models import NotificationTarget, TargetUserRecord
from ..models.address import trimmed
from ..targets import known_description, module_name_of
from ..targets import target_key as key_of_module


def hasher(target_key: str) -> Callable[[str], str]:
    """Return the function from an address to its hash.

    The key is ``NOTIFICATION_SYSTEM["SUPPRESSION_KEY"]``, and without that setting the project's
    ``SECRET_KEY``. A hash without a key would be undone by trying all telephone numbers.

    Args:
        target_key: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``.
    """
    key = force_bytes(engine_settings().suppression_key or settings.SECRET_KEY)
    described = known_description(module_name_of(target_key))
    normal = described.comparable_address if described is not None else None
    prefix = f"{target_key}\0"

    def hashed(address: str) -> str:
        text = unicodedata.normalize("NFC", trimmed(address))
        if normal is not None:
            text = normal(text)
        return hmac.digest(key, f"{prefix}{text}".encode(), "sha256").hex()

    return hashed


def address_hash(target_key: str, address: str) -> str:
    """Return the hash of one address.

    Args:
        target_key: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``.
        address: The address, in any spelling.
    """
    return hasher(target_key)(address)


def records_with_address(target_key: str, address: str, *, using: str) -> list[uuid.UUID]:
    """Return the keys of the records with an address, of all users and of none.

    Found by the address's beginning, for which there is an index: other spellings that begin
    otherwise are left out. A run finds those by their hash, or the provider refuses the address.

    Args:
        target_key: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``.
        address: The address.
        using: The database's alias.
    """
    modules = NotificationTarget.objects.using(using).values_list("pk", "notification_module_name")
    targets = [pk for pk, name in modules if key_of_module(name) == target_key]
    alike = TargetUserRecord.objects.using(using).filter(
        target__in=targets, target_user_id__istartswith=trimmed(address)
    )
    hashed = hasher(target_key)
    wanted = hashed(address)
    return [
        pk for pk, found in alike.values_list("pk", "target_user_id") if hashed(found) == wanted
    ]
