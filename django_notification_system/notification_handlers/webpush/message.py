"""The message that a browser's service worker gets, and what ``extra`` may add to it."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from .settings import LONGEST_TTL, TTL, URGENCIES, URGENCY, WebpushSettings

#: The longest message before encryption, in bytes: push services take 4,096 encrypted (RFC 8030,
#: section 7.2), and encryption adds 103 (RFC 8188: a header of 86 bytes, a tag of 16, and 1).
LONGEST_PLAINTEXT = 3993
#: The keys of ``extra`` that the service worker gets.
SHOWN = ("url", "icon", "badge", "image", "tag", "actions")
#: The keys of ``extra`` that the push service gets.
SENT_ALONG = ("ttl", "urgency", "topic")
#: Source: RFC 8030, section 5.4.
TOPIC = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
#: A path of the site's own, or an https URL. No browser takes ``/\`` or ``//`` for another host.
LINK = re.compile(r"(?:/(?![/\\])|https://[^\s/\\?#@]+(?:[/?#]|$))[^\s\\]*")
ACTION_KEYS = frozenset({"action", "title", "icon", "url"})

A_LINK = 'must be a path such as "/orders/17/", or a URL that begins with https://'
A_TEXT = "must be a text"


class WrongExtra(ValueError):
    """A key of ``extra`` with a value that cannot be sent. The text names the key."""


def payload_of(title: str, body: str, extra: Mapping[str, Any]) -> bytes:
    """Return the message as JSON, before encryption.

    Args:
        title: The notification's title.
        body: The notification's body.
        extra: The notification's ``extra``.

    Raises:
        WrongExtra: When a key of ``extra`` has a value that cannot be sent.
    """
    check_extra(extra)
    message = {"title": title, "body": body}
    message |= {name: extra[name] for name in SHOWN if extra.get(name) is not None}
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def headers_of(extra: Mapping[str, Any], settings: WebpushSettings) -> dict[str, str]:
    """Return the headers for the push service, without the credentials.

    Args:
        extra: The notification's ``extra``, checked.
        settings: The target's settings.
    """
    given = {name: extra[name] for name in SENT_ALONG if extra.get(name) is not None}
    headers = {
        "TTL": str(given.get("ttl", settings.ttl)),
        "Urgency": given.get("urgency", settings.urgency),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
    }
    if "topic" in given:
        headers["Topic"] = given["topic"]
    return headers


def check_extra(extra: Mapping[str, Any]) -> None:
    """Refuse values of ``extra`` that cannot be sent; ``None`` counts as missing.

    Args:
        extra: The notification's ``extra``.

    Raises:
        WrongExtra: With the key and the rule.
    """
    for name, (is_right, rule) in RULES.items():
        if extra.get(name) is not None and not is_right(extra[name]):
            raise WrongExtra(f"extra[{name!r}] {rule}.")
    for number, action in enumerate(extra.get("actions") or ()):
        _check_action(f"extra['actions'][{number}]", action)


def _check_action(place: str, action: Any) -> None:
    if not isinstance(action, Mapping) or not _is_text(action.get("action")):
        raise WrongExtra(f'{place} must be an object with "action" and "title".')
    if not _is_text(action.get("title")):
        raise WrongExtra(f"{place}['title'] {A_TEXT}.")
    for name in ("url", "icon"):
        if action.get(name) is not None and not _is_link(action[name]):
            raise WrongExtra(f"{place}[{name!r}] {A_LINK}.")
    if unknown := sorted(set(action) - ACTION_KEYS):
        raise WrongExtra(f"{place} has no key {unknown[0]!r}: action, title, icon and url are.")


def _is_link(value: Any) -> bool:
    return isinstance(value, str) and LINK.fullmatch(value) is not None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_topic(value: Any) -> bool:
    return isinstance(value, str) and TOPIC.fullmatch(value) is not None


#: By key of ``extra``: the test of a value, and the words behind the key for a wrong one.
RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(("url", "icon", "badge", "image"), (_is_link, A_LINK)),
    "tag": (_is_text, A_TEXT),
    "actions": (lambda value: isinstance(value, list | tuple), "must be a list of objects"),
    "ttl": (TTL.allows, f"must be a whole number of seconds from 0 to {LONGEST_TTL}"),
    "urgency": (URGENCY.allows, f"must be one of {', '.join(URGENCIES)}"),
    "topic": (_is_topic, "must have 1 to 32 of the characters A-Z, a-z, 0-9, - and _"),
}
