"""The settings of the Web Push target."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.validators import validate_email

from ...conf import TargetSettings, read_settings
from ...setting_rules import (
    CONNECTIONS,
    SECONDS_TO_WAIT,
    TEXT,
    WEB_ADDRESS_OR_EMPTY,
    Rule,
    one_of,
    setting,
    whole_number,
)

#: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``.
KEY = "webpush"

#: The hosts of the push services of Chrome, Edge, Opera and Brave; Firefox; Safari; and Edge before
#: 2020 and other programs of Windows.
PUSH_SERVICES = (
    "fcm.googleapis.com",
    "updates.push.services.mozilla.com",
    "*.push.services.mozilla.com",
    "web.push.apple.com",
    "*.notify.windows.com",
)
#: A host, or ``*.`` and a domain for all hosts below the domain.
PUSH_SERVICE = re.compile(r"(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)+")
#: The longest time for which push services keep a message, in seconds: four weeks.
#: https://developer.mozilla.org/en-US/docs/Web/API/Push_API
LONGEST_TTL = 28 * 86_400
#: Source: RFC 8030, section 5.3.
URGENCIES = ("very-low", "low", "normal", "high")
#: A site behind an https subject. py-vapid refuses a path.
SITE = re.compile(r"https://[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.I)
MAILTO = "mailto:"
#: Apple refuses addresses of hosts without a domain, and py-vapid those of IP addresses.
DOMAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.I)


def _is_subject(value: Any) -> bool:
    if value == "" or SITE.fullmatch(value):
        return True
    validate_email(value.removeprefix(MAILTO))
    return value.startswith(MAILTO) and bool(DOMAIN.fullmatch(value.rpartition("@")[2]))


def _are_push_services(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and bool(value)
        and all(PUSH_SERVICE.fullmatch(each) for each in value)
    )


TTL = whole_number(LONGEST_TTL, "seconds", least=0)
URGENCY = one_of(*URGENCIES)


@dataclass(frozen=True, kw_only=True)
class WebpushSettings(TargetSettings):
    """The entry ``webpush``."""

    vapid_private_key: str = setting(
        "",
        TEXT,
        "The private key that ``manage.py make_vapid_keys`` makes. Browsers subscribe with the "
        "public key that belongs to it; with another key they must subscribe again.",
        repr=False,
    )
    subject: str = setting(
        "",
        Rule(
            _is_subject,
            '"mailto:" and an email address, or "https://" and the site\'s host',
        ),
        "Where push services reach you if your messages trouble them, such as "
        "``mailto:admin@example.com``.",
    )
    ttl: int = setting(
        86_400,
        TTL,
        "For how many seconds a push service keeps a message for a browser that is closed or "
        "offline; at most four weeks. With 0, only a browser that is connected gets it.",
    )
    urgency: str = setting(
        "normal",
        URGENCY,
        "How much a message may cost a telephone's battery: with ``low`` it may wait for the "
        "charger.",
    )
    connections: int = setting(
        20,
        CONNECTIONS,
        "How many messages are encrypted and sent at once, at the most. A run finds out how many "
        "the push services like.",
    )
    timeout: float = setting(
        10,
        SECONDS_TO_WAIT,
        "Seconds to wait for an answer.",
    )
    push_services: Sequence[str] = setting(
        PUSH_SERVICES,
        Rule(_are_push_services, 'a list of hosts, such as ["fcm.googleapis.com"]'),
        "The hosts to which messages are sent, and no others: a browser brings the address of its "
        "push service along, and anybody can claim to be a browser. ``*.example.com`` is any host "
        "below ``example.com``.",
    )
    stand_in_url: str = setting(
        "",
        WEB_ADDRESS_OR_EMPTY,
        "For tests and for your own machine: the URL of a stand-in that gets all messages in place "
        "of the push services.",
        repr=False,
    )


def webpush_settings() -> WebpushSettings:
    """Return the settings of the Web Push target.

    Raises:
        TargetUnavailable: When a setting is wrong.
    """
    return read_settings(WebpushSettings, KEY)
