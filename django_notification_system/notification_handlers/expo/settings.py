"""The settings of the Expo target."""

from dataclasses import dataclass

from ...conf import TargetSettings, read_settings
from ...setting_rules import CONNECTIONS, SECONDS_TO_WAIT, TEXT, WEB_ADDRESS, or_none, setting

#: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``.
KEY = "expo"


@dataclass(frozen=True, kw_only=True)
class ExpoSettings(TargetSettings):
    """The entry ``expo``."""

    access_token: str | None = setting(
        None,
        or_none(TEXT),
        "Needed where the Expo project has push security switched on.",
        repr=False,
    )
    base_url: str = setting("https://exp.host", WEB_ADDRESS, "Where the API is.", repr=False)
    connections: int = setting(
        4,
        CONNECTIONS,
        "How many requests, of up to 100 messages each, run at once, at the most. A run finds out "
        "how many Expo likes.",
    )
    timeout: float = setting(
        10,
        SECONDS_TO_WAIT,
        "Seconds to wait for an answer.",
    )


def expo_settings() -> ExpoSettings:
    """Return the settings of the Expo target.

    Raises:
        TargetUnavailable: When a setting is wrong.
    """
    return read_settings(ExpoSettings, KEY)
