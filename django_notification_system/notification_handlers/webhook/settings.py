"""The settings of the webhook target."""

from dataclasses import dataclass

from ...conf import TargetSettings, read_settings
from ...setting_rules import CONNECTIONS, SECONDS_TO_WAIT, YES_OR_NO, setting

#: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``.
KEY = "webhook"


@dataclass(frozen=True, kw_only=True)
class WebhookSettings(TargetSettings):
    """The entry ``webhook``."""

    connections: int = setting(
        8,
        CONNECTIONS,
        "How many requests run at once, at the most.",
    )
    timeout: float = setting(
        10,
        SECONDS_TO_WAIT,
        "Seconds to wait for a receiver, each: to resolve its name, to connect, and for its whole "
        "answer.",
    )
    allow_private: bool = setting(
        False,
        YES_OR_NO,
        "Whether URLs may lead into private networks, by ``http``, and to any port. Only where "
        "nobody from outside can give a URL: whoever gives one would reach your internal services.",
    )


def webhook_settings() -> WebhookSettings:
    """Return the settings of the webhook target.

    Raises:
        TargetUnavailable: When a setting is wrong.
    """
    return read_settings(WebhookSettings, KEY)
