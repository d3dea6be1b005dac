"""Delivers push notifications through Firebase Cloud Messaging (FCM).

Google's library is perhaps not installed. The module ``sending`` imports the library; this package
imports ``sending`` only when code asks for a name from there.
"""

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_noop

from .describe import check, destination, fault_of_address, preview, validate
from .settings import FcmSettings
from .settings import FcmSettings as Settings

if TYPE_CHECKING:
    from .sending import deliver, dry_run

__all__ = [
    "ALSO_CALLED",
    "HOW_TO_ADD_RECORDS",
    "PAGE",
    "TARGET_NAME",
    "TEXT_TEMPLATES",
    "FcmSettings",
    "Settings",
    "check",
    "deliver",
    "destination",
    "dry_run",
    "fault_of_address",
    "preview",
    "validate",
]

TARGET_NAME = "FCM"
ALSO_CALLED = ("android", "firebase", "gcm")
PAGE = "howto/target_fcm"
HOW_TO_ADD_RECORDS = gettext_noop(
    "The record is made by register_device(), when the user's app sends its registration token."
)
TEXT_TEMPLATES = ("push.txt",)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import sending

    return getattr(sending, name)
