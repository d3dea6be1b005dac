"""A push message in FCM's form, made of a notification's title, body and ``extra``.

Source: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#Message
"""

import time
from collections.abc import Mapping
from typing import Any

from ...exceptions import InvalidNotification
from ...setting_rules import is_web_address

#: The most bytes of a message's texts and data, names included.
#: Source: https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode (message too big)
LARGEST_MESSAGE = 4096
#: Four weeks, in seconds. Source: the same page (invalid TTL)
LONGEST_TTL = 2_419_200
#: FCM's own names in ``data``. Source: the page above, ``data``
RESERVED = frozenset({"from", "message_type"})
RESERVED_BEGINNINGS = ("google.", "gcm.")
PRIORITIES = ("normal", "high")
#: The parts of a message for one kind of device, passed on as they are.
PLATFORMS = ("android", "apns", "webpush")
#: Source: https://developer.apple.com/documentation/usernotifications (apns-collapse-id)
LONGEST_COLLAPSE_KEY = 64


def check_extra(extra: Mapping[str, Any]) -> None:
    """Refuse values in ``extra`` that FCM refuses.

    Args:
        extra: The notification's ``extra``; keys of others' are left alone.

    Raises:
        InvalidNotification: With the key, and the next step.
    """
    data = extra.get("data")
    if data is not None:
        _check_data(data)
    for name in PLATFORMS:
        part = extra.get(name)
        if part is not None and not isinstance(part, Mapping):
            raise InvalidNotification(f"extra[{name!r}] must be an object, in FCM's own words.")
    image = extra.get("image")
    if image is not None and not _is_address(image):
        raise InvalidNotification("extra['image'] must be the http or https URL of a picture.")
    ttl = extra.get("ttl")
    if ttl is not None and not (_is_integer(ttl) and 0 <= ttl <= LONGEST_TTL):
        raise InvalidNotification(
            f"extra['ttl'] must be a whole number of seconds from 0 to {LONGEST_TTL}."
        )
    key = extra.get("collapse_key")
    if key is not None and not (isinstance(key, str) and 0 < _size(key) <= LONGEST_COLLAPSE_KEY):
        raise InvalidNotification(
            f"extra['collapse_key'] must be a text of at most {LONGEST_COLLAPSE_KEY} bytes."
        )
    priority = extra.get("priority")
    if priority is not None and priority not in PRIORITIES:
        raise InvalidNotification("extra['priority'] must be 'normal' or 'high'.")


def message_of(title: str, body: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message without its recipient.

    Args:
        title: The title.
        body: The text.
        extra: The notification's ``extra``.

    Raises:
        InvalidNotification: When FCM would refuse the message.
    """
    check_extra(extra)
    texts = {"title": title, "body": body, "image": extra.get("image")}
    message: dict[str, Any] = {
        "notification": {name: value for name, value in texts.items() if value}
    }
    if extra.get("data"):
        message["data"] = dict(extra["data"])
    size = sum(map(_size_of_entries, (message["notification"], message.get("data", {}))))
    if size > LARGEST_MESSAGE:
        raise InvalidNotification(
            f"The push message has {size} bytes of title, body, image and data together, and FCM"
            f" takes {LARGEST_MESSAGE}. Send less, and let the app fetch the rest.",
            argument="body",
        )
    for name, derived in _for_platforms(extra).items():
        if part := _merged(derived, extra.get(name) or {}):
            message[name] = part
    return message


def _check_data(data: Any) -> None:
    if not isinstance(data, Mapping):
        raise InvalidNotification("extra['data'] must be an object whose values are texts.")
    for name, value in data.items():
        if not isinstance(name, str) or not name:
            raise InvalidNotification("A name in extra['data'] must be a text.")
        if not isinstance(value, str):
            raise InvalidNotification(
                f"extra['data'][{name!r}] must be a text, as FCM takes nothing else: write"
                f" str(…) or json.dumps(…) in place of the {type(value).__name__}."
            )
        if name in RESERVED or name.startswith(RESERVED_BEGINNINGS):
            raise InvalidNotification(
                f"extra['data'] has a name of FCM's own, {name!r}: give it another name."
            )


def _for_platforms(extra: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the parts that say ``ttl``, ``collapse_key`` and ``priority`` to each platform."""
    android: dict[str, Any] = {}
    apns: dict[str, str] = {}
    webpush: dict[str, str] = {}
    if (ttl := extra.get("ttl")) is not None:
        android["ttl"] = f"{ttl}s"
        apns["apns-expiration"] = str(int(time.time()) + ttl if ttl else 0)
        webpush["TTL"] = str(ttl)
    if key := extra.get("collapse_key"):
        android["collapse_key"] = key
        apns["apns-collapse-id"] = key
    if priority := extra.get("priority"):
        android["priority"] = priority.upper()
        apns["apns-priority"] = "10" if priority == "high" else "5"
        webpush["Urgency"] = priority
    return {
        "android": android,
        "apns": {"headers": apns} if apns else {},
        "webpush": {"headers": webpush} if webpush else {},
    }


def _merged(derived: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return both; what the notification's own part says counts."""
    merged = {**derived, **given}
    for name in derived.keys() & given.keys():
        if isinstance(derived[name], Mapping) and isinstance(given[name], Mapping):
            merged[name] = {**derived[name], **given[name]}
    return merged


def _size_of_entries(entries: Mapping[str, str]) -> int:
    return sum(_size(name) + _size(value) for name, value in entries.items())


def _size(text: str) -> int:
    return len(text.encode(errors="replace"))


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_address(value: Any) -> bool:
    try:
        return isinstance(value, str) and is_web_address(value)
    except ValueError:
        return False
