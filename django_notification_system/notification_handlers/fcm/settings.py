"""The settings of the target for Firebase Cloud Messaging (FCM)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...conf import TargetSettings, read_settings
from ...setting_rules import CONNECTIONS, SECONDS_TO_WAIT, TEXT, WEB_ADDRESS, Rule, setting

#: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``.
KEY = "fcm"

PATH_OR_DICTIONARY = Rule(
    lambda value: isinstance(value, str | Path | Mapping),
    "the path of a service account's key file, or the file's content as a dictionary",
)


@dataclass(frozen=True, kw_only=True)
class FcmSettings(TargetSettings):
    """The entry ``fcm``."""

    credentials: str | Path | Mapping[str, Any] = setting(
        "",
        PATH_OR_DICTIONARY,
        "The path of a service account's key file, or the file's content as a dictionary.",
        repr=False,
    )
    project_id: str = setting(
        "",
        TEXT,
        "The Firebase project; by default the service account's own.",
    )
    base_url: str = setting(
        "https://fcm.googleapis.com",
        WEB_ADDRESS,
        "Where the API is: for a stand-in or a proxy.",
        repr=False,
    )
    connections: int = setting(
        32,
        CONNECTIONS,
        "How many requests, of one message each, run at once, at the most. A run finds out how "
        "many FCM likes.",
    )
    timeout: float = setting(
        10,
        SECONDS_TO_WAIT,
        "Seconds to wait for an answer, of FCM or of the place that gives access tokens.",
    )


def fcm_settings() -> FcmSettings:
    """Return the settings of the FCM target.

    Raises:
        TargetUnavailable: When a setting is wrong.
    """
    return read_settings(FcmSettings, KEY)
