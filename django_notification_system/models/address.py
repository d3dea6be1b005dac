"""A record's address, without the invisible characters that a copied address has at its ends."""

import contextlib
import re
import string
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Value
from django.utils.encoding import punycode

if TYPE_CHECKING:
    CharField = models.CharField[str, str]
else:
    CharField = models.CharField

#: RFC 5321, section 4.5.3.1.3: a path is at most 256 octets, angle brackets included.
ADDRESS_MAX_LENGTH = 254
#: Of Unicode's characters: white space and controls, soft hyphens, joiners and marks of direction
#: (phones and word processors put such marks around a number), and the byte order mark.
INVISIBLE = (
    string.whitespace
    + "".join(map(chr, [*range(0x20), *range(0x7F, 0xA1), 0xAD, 0x61C, 0x1680, 0x180E]))
    + "".join(map(chr, [*range(0x2000, 0x2010), *range(0x2028, 0x2030), 0x205F]))
    + "".join(map(chr, [*range(0x2060, 0x2070), 0x3000, 0xFEFF]))
)
#: An email address that means the same wherever it is read: ASCII, without name, quotes or comment.
PLAIN_ADDRESS = re.compile(
    r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
)


def trimmed(address: str) -> str:
    """Return an address without white space and invisible marks at the ends.

    Args:
        address: The address, as entered.
    """
    return address.strip(INVISIBLE)


def comparable(address: str) -> str:
    """Return an equal text for all spellings of one address; ``a == b`` compares spellings.

    For an email address, the text is the part in angle brackets with the domain in ASCII (an
    A-label, RFC 5890, section 2.3.2.1), the form in which providers report addresses. Every address
    goes without case.

    Args:
        address: An address in any spelling.
    """
    if PLAIN_ADDRESS.fullmatch(address):
        return address.lower()
    address = trimmed(address)
    _name, mailbox = parseaddr(address)
    local_part, at, domain = (mailbox or address).rpartition("@")
    if not at:
        return address.casefold()
    with contextlib.suppress(UnicodeError):  # no domain of a mail server
        domain = punycode(domain.removesuffix("."))
    return f"{local_part}@{domain}".casefold()


class TrimmedAddress(str):
    """A trimmed address whose database value has white space or marks at the ends.

    Attributes:
        stored: The database value, for finding the row again.
    """

    stored: str

    def __new__(cls, address: str, *, stored: str) -> Self:  # noqa: D102 # the class says it
        made = super().__new__(cls, address)
        made.stored = stored
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, str]]:
        return (str(self),), {"stored": self.stored}


def as_stored(address: str) -> Value:
    """Return the database value of an address from the database, for a lookup.

    Args:
        address: An address read from the database.
    """
    return Value(address.stored if isinstance(address, TrimmedAddress) else address)


class AddressField(CharField):
    """Trims an address on save, and on reading an address that was saved by other means."""

    def to_python(self, value: Any) -> Any:
        """Return the trimmed value of a form or a fixture."""
        return _trimmed(super().to_python(value))

    def get_prep_value(self, value: Any) -> Any:
        """Return the trimmed value for a save or a lookup."""
        return _trimmed(super().get_prep_value(value))

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Return the instance's trimmed address, and set the same on the instance."""
        address = _trimmed(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, address)
        return address

    def from_db_value(self, value: Any, *_: Any) -> Any:
        """Return the trimmed database value: SQL and release 1.5.3 save addresses untrimmed."""
        address = _trimmed(value)
        return address if address == value else TrimmedAddress(address, stored=value)

    def deconstruct(self) -> Any:
        """Be a plain ``CharField`` in migrations, which must outlive this module."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs


def _trimmed(value: Any) -> Any:
    return trimmed(value) if isinstance(value, str) else value
