"""Delivers push notifications through Expo: the target's description, and ``deliver()``.

Expo's client is perhaps not installed. The module ``sending`` imports the client; this package
imports ``sending`` only when code asks for a name from there.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from .describe import check, destination, preview
from .settings import ExpoSettings
from .settings import ExpoSettings as Settings

if TYPE_CHECKING:
    from .sending import (
        EXTRA_FIELDS,
        MESSAGES_IN_A_REQUEST,
        Message,
        PushClient,
        deliver,
        fetch_receipts,
        is_token,
        send_notification,
    )

__all__ = [
    "EXTRA_FIELDS",
    "MESSAGES_IN_A_REQUEST",
    "PAGE",
    "RECEIPTS_KEPT",
    "TEXT_TEMPLATES",
    "ExpoSettings",
    "Message",
    "PushClient",
    "Settings",
    "check",
    "deliver",
    "destination",
    "fetch_receipts",
    "is_token",
    "preview",
    "send_notification",
]

#: Expo clears receipts after 24 hours.
#: Source: https://docs.expo.dev/push-notifications/sending-notifications/
RECEIPTS_KEPT = timedelta(hours=24)
TEXT_TEMPLATES = ("push.txt",)
PAGE = "howto/push"


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import sending

    return getattr(sending, name)
