"""Delivers push messages to browsers (Web Push): the target's description, and ``deliver()``.

The libraries for encryption are perhaps not installed. The module ``sending`` imports them; this
package imports ``sending`` only when code asks for a name from there.
"""

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_noop

from .describe import check, destination, fault_of_address, preview, validate
from .settings import WebpushSettings
from .settings import WebpushSettings as Settings

if TYPE_CHECKING:
    from .sending import deliver, send_notification

__all__ = [
    "ADDRESS_IN_DETAILS",
    "ALSO_CALLED",
    "HOW_TO_ADD_RECORDS",
    "PAGE",
    "TARGET_NAME",
    "TEXT_TEMPLATES",
    "Settings",
    "WebpushSettings",
    "check",
    "deliver",
    "destination",
    "fault_of_address",
    "preview",
    "send_notification",
    "validate",
]

TARGET_NAME = "Web Push"
ALSO_CALLED = ("browser", "browsers", "vapid")
PAGE = "howto/target_webpush"
HOW_TO_ADD_RECORDS = gettext_noop(
    "The record is made when the user presses the button of webpush_button in a browser."
)
TEXT_TEMPLATES = ("push.txt",)
#: A browser's address is a secret URL with two keys.
ADDRESS_IN_DETAILS = True


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import sending

    return getattr(sending, name)
