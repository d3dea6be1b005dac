"""Addresses: the keyed hash, useless without the key, and the records with an address."""

import hmac
import unicodedata
import uuid
from collections.abc import Callable

from django.conf import settings
from django.utils.encoding import force_bytes
from django.utils.translation import gettext as _

from ..conf import engine_settings
from ..exceptions import TargetUnavailable
from ..models import NotificationTarget, TargetUserRecord
from ..models.address import trimmed
from ..modules import is_module_name
from ..targets import kept_description, module_name_of
from ..targets import target_key as key_of_module


def hasher(target_key: str) -> Callable[[str], str]:
    """Return the function from an address to its hash.

    The key is ``NOTIFICATION_SYSTEM["SUPPRESSION_KEY"]``, and without that setting the project's
    ``SECRET_KEY``. A hash without a key would be undone by trying all telephone numbers.

    A process that cannot import the target's module does not know the target's
    ``comparable_address()``. An address hashed without the function would not be found by other
    processes; so that process hashes no address of the target at all.

    Args:
        target_key: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``.

    Raises:
        TargetUnavailable: When the target's module cannot be imported.
    """
    key = force_bytes(engine_settings().suppression_key or settings.SECRET_KEY)
    normal = _comparable_address_of(target_key)
    prefix = f"{target_key}\0"

    def hashed(address: str) -> str:
        text = unicodedata.normalize("NFC", trimmed(address))
        if normal is not None:
            text = normal(text)
        return hmac.digest(key, f"{prefix}{text}".encode(), "sha256").hex()

    return hashed


def hasher_where_delivered(target_key: str) -> Callable[[str], str] | None:
    """Return what ``hasher()`` returns, or ``None`` in a process without the target's module.

    For questions that the delivering process asks again: that process has the module.

    Args:
        target_key: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``.
    """
    try:
        return hasher(target_key)
    except TargetUnavailable:
        return None


def address_hash(target_key: str, address: str) -> str:
    """Return the hash of one address.

    Args:
        target_key: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``.
        address: The address, in any spelling.

    Raises:
        TargetUnavailable: As ``hasher()``.
    """
    return hasher(target_key)(address)


def _comparable_address_of(target_key: str) -> Callable[[str], str] | None:
    module_name = module_name_of(target_key)
    if not is_module_name(module_name):
        return None  # no module can have the name
    try:
        described = kept_description(module_name)
    except TargetUnavailable as error:
        raise TargetUnavailable(
            _(
                "The addresses of target %(target)r cannot be compared in this process. %(error)s"
                " Install what the module imports, or import it inside deliver()."
            )
            % {"target": target_key, "error": error}
        ) from error
    return described.comparable_address if described is not None else None


def records_with_address(target_key: str, address: str, *, using: str) -> list[uuid.UUID]:
    """Return the keys of the records with an address, of all users and of none.

    Found by the address's beginning, for which there is an index: other spellings that begin
    otherwise are left out. A run finds those by their hash, or the provider refuses the address.

    Args:
        target_key: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``.
        address: The address.
        using: The database's alias.

    Raises:
        TargetUnavailable: As ``hasher()``.
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
