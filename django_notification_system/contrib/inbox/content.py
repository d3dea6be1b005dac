"""An event's values, from the arguments of ``notify()``."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from ...draft import Draft
from ...exceptions import InvalidNotification
from ...notification_handlers.html.to_text import html_to_text, is_html
from .models import InboxEvent
from .models.event import (
    OBJECT_ID_MAX_LENGTH,
    PARAMS,
    TITLE_MAX_LENGTH,
    TYPE_MAX_LENGTH,
    URL_MAX_LENGTH,
    VERB_MAX_LENGTH,
)

#: The keys of ``extra`` that the inbox reads. A notification type adds its own two.
URL, LEVEL, VERB, DATA, TYPE = "url", "level", "verb", "data", "type"
#: Below the blank, and the last of ASCII: browsers leave some out, and read another address.
CONTROL_CHARACTERS = frozenset(map(chr, [*range(33), 127]))


def event_values(draft: Draft, objects: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of an event's fields.

    Args:
        draft: The content.
        objects: The objects ``actor``, ``about`` and ``action_object``, where given.

    Raises:
        InvalidNotification: When the inbox could not show a value; the message names the argument.
    """
    extra = draft.extra
    if len(draft.title) > TITLE_MAX_LENGTH:
        raise InvalidNotification(
            f"title has {len(draft.title)} characters; the inbox keeps {TITLE_MAX_LENGTH}. Shorten"
            " it.",
            argument="title",
        )
    values: dict[str, Any] = {
        "category": draft.category,
        "type": text_in(extra, TYPE, TYPE_MAX_LENGTH),
        "title": draft.title,
        "body": _body(draft),
        "url": checked_url(text_in(extra, URL, URL_MAX_LENGTH)),
        "level": _level(extra),
        "verb": text_in(extra, VERB, VERB_MAX_LENGTH),
        "data": _data(extra),
    }
    for name, given in objects.items():
        kind, key = reference_to(given, name)
        values |= {f"{name}_content_type": kind, f"{name}_object_id": key}
    return values


def checked_url(url: str) -> str:
    """Return an address that a page may link to.

    Args:
        url: A path of the site, or an address with http or https; empty: none.

    Raises:
        InvalidNotification: When the address is another.
    """
    if not url:
        return url
    is_plain = "\\" not in url and not CONTROL_CHARACTERS & set(url)
    if is_plain and url.startswith("/") and not url.startswith("//"):
        return url
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:  # a bracket without its pair, for instance
        is_web = False
    if is_plain and is_web:
        return url
    raise InvalidNotification(
        f"extra['url'] is {url!r}; it must begin with one slash, such as \"/orders/17/\", or with"
        " http:// or https:// and a host, without blanks and backslashes."
    )


def reference_to(given: Any, name: str) -> tuple[ContentType, str]:
    """Return the content type and the key of an object, for a generic key.

    Args:
        given: The object.
        name: The argument's name.

    Raises:
        InvalidNotification: When the object is no saved instance of a model with a plain key.
    """
    if not isinstance(given, Model):
        raise InvalidNotification(
            f"{name} must be an instance of a model, not {type(given).__name__}.", argument=name
        )
    if given.pk is None:
        raise InvalidNotification(
            f"{name} is an unsaved {type(given).__name__}. Save it first: it is kept by its key.",
            argument=name,
        )
    key = str(given.pk)
    if isinstance(given.pk, tuple) or len(key) > OBJECT_ID_MAX_LENGTH:
        raise InvalidNotification(
            f"{name} is a {type(given).__name__} whose key has several parts, or more than"
            f" {OBJECT_ID_MAX_LENGTH} characters. Put what you need into extra['data'].",
            argument=name,
        )
    return ContentType.objects.get_for_model(given), key


def text_in(extra: Mapping[str, Any], name: str, max_length: int) -> str:
    """Return a text in ``extra``; an empty text where ``extra`` has none.

    Args:
        extra: ``extra``.
        name: The text's key.
        max_length: The most characters.

    Raises:
        InvalidNotification: When the value is no text, or too long.
    """
    value = extra.get(name) or ""
    if not isinstance(value, str):
        raise InvalidNotification(
            f"extra[{name!r}] must be a str for the inbox, not {type(value).__name__}."
        )
    if len(value) > max_length:
        raise InvalidNotification(
            f"extra[{name!r}] has {len(value)} characters; the inbox keeps {max_length}."
        )
    return value


def _body(draft: Draft) -> str:
    """Return the body as plain text: an email's may be HTML, and the inbox shows no tags."""
    subtype = draft.extra.get("content_subtype")
    if subtype == "html" or (subtype is None and is_html(draft.body)):
        return html_to_text(draft.body)
    return draft.body


def _level(extra: Mapping[str, Any]) -> str:
    level = extra.get(LEVEL) or InboxEvent.Level.INFO
    if level not in InboxEvent.Level.values:
        known = ", ".join(InboxEvent.Level.values)
        raise InvalidNotification(f"extra['level'] is {level!r}; it must be one of: {known}.")
    return str(InboxEvent.Level(level))


def _data(extra: Mapping[str, Any]) -> dict[str, Any]:
    data = extra.get(DATA)
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise InvalidNotification(
            f"extra['data'] must be a dict for the inbox, not {type(data).__name__}."
        )
    # A page renders the type's template with the parameters.
    return {**data, PARAMS: extra[PARAMS]} if extra.get(TYPE) and PARAMS in extra else data
