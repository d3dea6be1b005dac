"""The keyed hash of an address: the same for all spellings, and useless without the key."""

import hmac
import unicodedata
from collections.abc import Callable

from django.conf import settings

from ..conf import engine_settings
from ..models.address import trimmed
from ..targets import known_description, module_name_of


def hasher(target_key: str) -> Callable[[str], str]:
    """Return the function from an address to its hash.

    The key is ``NOTIFICATION_SYSTEM["SUPPRESSION_KEY"]``, and without that setting the project's
    ``SECRET_KEY``. A hash without a key would be undone by trying all telephone numbers.

    Args:
        target_key: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``.
    """
    key = (engine_settings().suppression_key or settings.SECRET_KEY).encode()
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
