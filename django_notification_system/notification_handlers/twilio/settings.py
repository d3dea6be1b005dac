"""The settings of the Twilio target."""

from dataclasses import dataclass

from ...conf import TargetSettings, read_settings
from ...setting_rules import (
    CONNECTIONS,
    SECONDS_TO_WAIT,
    TEXT,
    WEB_ADDRESS,
    WEB_ADDRESS_OR_EMPTY,
    Rule,
    setting,
)
from .whatsapp import is_whatsapp_sender

#: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``.
KEY = "twilio_sms"


@dataclass(frozen=True, kw_only=True)
class TwilioSettings(TargetSettings):
    """The entry ``twilio_sms``."""

    account_sid: str = setting(
        "",
        TEXT,
        "The account's identifier.",
    )
    auth_token: str = setting("", TEXT, "The account's secret.", repr=False)
    sender: str = setting(
        "",
        TEXT,
        "The number that messages come from, such as ``+15005550006``.",
    )
    whatsapp_sender: str = setting(
        "",
        Rule(is_whatsapp_sender, "a number such as '+15005550006'"),
        "The number that messages by WhatsApp come from, such as ``+15005550006``; by default "
        "``sender``.",
    )
    messaging_service_sid: str = setting(
        "",
        TEXT,
        "A messaging service, in place of ``sender``.",
    )
    callback_url: str = setting(
        "",
        WEB_ADDRESS_OR_EMPTY,
        "The public address at which Twilio is to report what becomes of each message "
        "(:doc:`../howto/text_messages`). ``status_callback`` in a notification's ``extra`` "
        "comes before it.",
        repr=False,
    )
    base_url: str = setting(
        "https://api.twilio.com",
        WEB_ADDRESS,
        "Where the API is: for a stand-in, a proxy or a regional endpoint.",
        repr=False,
    )
    connections: int = setting(
        20,
        CONNECTIONS,
        "How many requests run at once, at the most. A run finds out how many Twilio likes.",
    )
    timeout: float = setting(
        10,
        SECONDS_TO_WAIT,
        "Seconds to wait for an answer.",
    )


def twilio_settings() -> TwilioSettings:
    """Return the settings of the Twilio target.

    Raises:
        TargetUnavailable: When a setting is wrong.
    """
    return read_settings(TwilioSettings, KEY)
