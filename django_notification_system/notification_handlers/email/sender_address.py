"""The sender's address, from the settings."""

from django.conf import settings
from django.utils.translation import gettext as _

from ...exceptions import TargetUnavailable
from .addresses import fault_of_addresses
from .headers import NOT_IN_A_HEADER
from .message_bytes import envelope_sender
from .settings import email_settings


def sender() -> str:
    """Return the sender's address, perhaps with a name before it.

    Raises:
        TargetUnavailable: When no mail can have this sender: all mails would fail alike.
    """
    address = email_settings().from_email or settings.DEFAULT_FROM_EMAIL
    if fault := fault_of_sender(address):
        raise TargetUnavailable(f"{fault} {correct_sender()}")
    return str(address)


def fault_of_sender(address: object) -> str:
    """Return for people why an address cannot be the sender, or an empty text.

    Args:
        address: The value of the setting.
    """
    if not isinstance(address, str) or NOT_IN_A_HEADER.search(address):
        return _("The sender's address is not text on one line.")
    if fault := fault_of_addresses(address, _):
        return _("The sender's address %s.") % fault
    if not envelope_sender(address):
        return _(
            "The sender's address %(address)r is none. A name with a comma or another mark goes in"
            ' quotes: "Shop, Inc." <shop@example.com>.'
        ) % {"address": address}
    return ""


def setting_of_sender() -> str:
    """Return the name of the setting with the sender's address."""
    if email_settings().from_email:
        return "from_email in NOTIFICATION_SYSTEM_TARGETS['email']"
    return "DEFAULT_FROM_EMAIL"


def correct_sender() -> str:
    """Return the advice to correct the setting with the sender's address."""
    return _("Correct %s.") % setting_of_sender()
