"""What a target needs beside an address: private, never indexed, and masked wherever it is shown.

An address that is a secret or longer than its column stays in the details, too. The column then
keeps the *short address*: ``sha256:`` and 43 characters. PostgreSQL refuses an index row over 2,704
bytes, and MySQL an index over 3,072 bytes, so no longer column could be unique.
https://www.postgresql.org/docs/current/btree.html
https://dev.mysql.com/doc/refman/8.4/en/innodb-limits.html
"""

import base64
import hashlib
import re
from typing import Any

from django.db import models

from .address import trimmed

#: How a short address begins.
SHORT = "sha256:"
#: SHA-256 in base64url without padding (RFC 4648, section 5): 32 bytes.
SHORT_ADDRESS = re.compile(re.escape(SHORT) + r"[A-Za-z0-9_-]{43}", re.ASCII)
MASK = "***"


def short_address(address: str) -> str:
    """Return the short address of an address, such as a browser's endpoint or a webhook's URL.

    The same for the same address, and of no use to anybody without the address. A short address is
    returned as it is.

    Args:
        address: The address, of any length. White space and invisible marks at the ends are
            dropped.
    """
    address = trimmed(address)
    if is_short_address(address):
        return address
    hashed = hashlib.sha256(address.encode("utf-8", "surrogatepass")).digest()
    return SHORT + base64.urlsafe_b64encode(hashed).decode().rstrip("=")


def is_short_address(address: str) -> bool:
    """Tell whether a record's address is short, so that the real address is in the details.

    Args:
        address: The record's ``target_user_id``.
    """
    return SHORT_ADDRESS.fullmatch(address) is not None


class Details(dict[str, Any]):
    """A record's details: an ordinary dictionary that shows its values to nobody.

    Logs, error pages and shells show the names alone.
    """

    def __repr__(self) -> str:
        return repr(dict.fromkeys(self, MASK))

    __str__ = __repr__


class DetailsField(models.JSONField):
    """Reads details as ``Details``."""

    def from_db_value(self, value: Any, *arguments: Any) -> Any:
        """Return the database's value, masked."""
        return _masked(super().from_db_value(value, *arguments))

    def to_python(self, value: Any) -> Any:
        """Return the value of a form or a fixture, masked."""
        return _masked(super().to_python(value))

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Return the instance's details, and mask the same on the instance."""
        value = _masked(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value

    def deconstruct(self) -> Any:
        """Be a plain ``JSONField`` in migrations, which must outlive this module."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs


def _masked(value: Any) -> Any:
    return Details(value) if isinstance(value, dict) else value
