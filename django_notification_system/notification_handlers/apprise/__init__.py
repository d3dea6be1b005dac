"""Delivers through the services that Apprise knows: Slack, Teams, Discord, Telegram and more.

Apprise is perhaps not installed, and takes a second to load. The module ``sending`` imports it;
this package imports ``sending`` only when code asks for a name from there.
"""

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_noop

from .describe import check, check_deployed, destination, fault_of_address, preview
from .settings import AppriseSettings
from .settings import AppriseSettings as Settings

if TYPE_CHECKING:
    from .sending import deliver

__all__ = [
    "ALSO_CALLED",
    "HOW_TO_ADD_RECORDS",
    "PAGE",
    "TARGET_NAME",
    "AppriseSettings",
    "Settings",
    "check",
    "check_deployed",
    "deliver",
    "destination",
    "fault_of_address",
    "preview",
]

TARGET_NAME = "Apprise"
ALSO_CALLED = (
    *("discord", "googlechat", "matrix", "mattermost", "msteams", "ntfy", "pagerduty", "signal"),
    *("slack", "teams", "telegram"),
)
PAGE = "howto/target_apprise"
HOW_TO_ADD_RECORDS = gettext_noop("The record's address is a name in the target's setting urls.")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import sending

    return getattr(sending, name)
