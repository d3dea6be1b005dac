"""Delivers signed webhooks (Standard Webhooks): the target's description, and ``deliver()``.

The library for signing is perhaps not installed. The module ``sending`` imports the library; this
package imports ``sending`` only when code asks for a name from there.
"""

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_noop

from .describe import check, destination, fault_of_address, preview, validate
from .settings import WebhookSettings
from .settings import WebhookSettings as Settings

if TYPE_CHECKING:
    from .sending import deliver, send_notification

__all__ = [
    "ADDRESS_IN_DETAILS",
    "ALSO_CALLED",
    "HOW_TO_ADD_RECORDS",
    "PAGE",
    "TARGET_NAME",
    "Settings",
    "WebhookSettings",
    "check",
    "deliver",
    "destination",
    "fault_of_address",
    "preview",
    "send_notification",
    "validate",
]

TARGET_NAME = "Webhook"
ALSO_CALLED = ("hook", "hooks", "http", "webhooks")
PAGE = "howto/target_webhook"
HOW_TO_ADD_RECORDS = gettext_noop("Make the record: manage.py webhook_secret make URL --user NAME.")
#: A URL that may be a secret, with the secrets for signing.
ADDRESS_IN_DETAILS = True


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import sending

    return getattr(sending, name)
