"""Delivers text messages through Twilio: the target's description, and ``deliver()``.

Twilio's client is large, and perhaps not installed. The module ``sending`` imports the client; this
package imports ``sending`` only when code asks for a name from there.
"""

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_noop

from .describe import check, comparable_address, destination, fault_of_address, preview, validate
from .settings import TwilioSettings
from .settings import TwilioSettings as Settings

if TYPE_CHECKING:
    from .sending import EXTRA_PARAMETERS, Client, Connection, deliver, send_notification

__all__ = [
    "ALSO_CALLED",
    "EXTRA_PARAMETERS",
    "HOW_TO_RETURN",
    "PAGE",
    "Client",
    "Connection",
    "Settings",
    "TwilioSettings",
    "check",
    "comparable_address",
    "deliver",
    "destination",
    "fault_of_address",
    "preview",
    "send_notification",
    "validate",
]

ALSO_CALLED = ("phone", "sms", "text", "textmessage", "textmessages", "whatsapp")
PAGE = "howto/text_messages"
HOW_TO_RETURN = gettext_noop("The user has texted STOP. A text START switches the record on again.")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import sending

    return getattr(sending, name)
