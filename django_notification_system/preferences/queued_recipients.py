"""The recipients of a queued mail, each of whom a suppression may concern."""

from collections.abc import Mapping
from email.utils import parseaddr
from typing import Any

from ..models import Notification
from ..models.address import PLAIN_ADDRESS, trimmed
from ..models.reserved import QUEUED_MAIL

#: Where a queued mail has recipients; a mail kept as bytes has the last list alone.
LISTS = ("to", "cc", "bcc", "recipients")


def address_in(recipient: str) -> str:
    """Return the address of a recipient, without a name.

    Args:
        recipient: The recipient, such as ``Ann <ann@example.com>``.
    """
    if PLAIN_ADDRESS.fullmatch(recipient):
        return recipient
    return trimmed(parseaddr(recipient)[1] or recipient)


def is_unread_mail(notification: Notification) -> bool:
    """Return whether the recipients of a mail are not read yet, because its texts are long.

    Args:
        notification: The notification.
    """
    return "extra" not in notification.__dict__


def addresses_of(notification: Notification) -> list[str]:
    """Return the addresses to ask about: the record's, or all recipients' of a queued mail.

    Nothing is read from the database. Of long texts that are not read yet, the record's address
    stands for the mail.

    Args:
        notification: The notification, with record loaded.
    """
    extra = notification.__dict__.get("extra")
    mail = extra.get(QUEUED_MAIL) if isinstance(extra, dict) else None
    recipients: list[Any] = []
    if isinstance(mail, Mapping):
        recipients = [each for name in LISTS for each in mail.get(name) or ()]
    # The record has the first recipient's address.
    found = dict.fromkeys(address_in(str(each)) for each in recipients)
    return list(found) or [notification.target_user_record.target_user_id]
