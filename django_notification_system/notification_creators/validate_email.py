"""What the email target asks of a notification beyond what every target asks.

The handler checks again what it sends, for rows that no creator has made; here the caller learns
of it in time.
"""

from collections.abc import Mapping
from typing import Any

from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import get_template

from ..exceptions import InvalidNotification
from ..notification_handlers.email_message import (
    CONTROL_CHARACTERS,
    HEADER_NAME,
    RESERVED_HEADERS,
)
from .draft import Draft

ADDRESS_KEYS = ("cc", "bcc", "reply_to")


def validate_email(draft: Draft) -> None:
    """Check what only an email can get wrong.

    Raises:
        InvalidNotification: When there is neither a body nor a template, the template does not
            exist or does not compile, or what ``extra`` says of addresses, headers or attachments
            is of the wrong form.
    """
    extra = draft.extra
    if extra.get("content_subtype") not in (None, "html", "plain"):
        raise InvalidNotification('extra["content_subtype"] must be "html" or "plain".')
    _validate_template(draft.body, extra.get("template_name"))
    for key in ADDRESS_KEYS:
        _validate_addresses(key, extra.get(key))
    _validate_headers(extra.get("headers"))
    _validate_attachments(extra.get("attachments"))


def _validate_template(body: str, name: Any) -> None:
    if name is None or name == "":
        if not body.strip():
            raise InvalidNotification(
                'An email needs a body. Pass body, or name a template in extra["template_name"].'
            )
        return
    if not isinstance(name, str):
        raise InvalidNotification(
            f'extra["template_name"] must be a str, not {type(name).__name__}.'
        )
    try:
        get_template(name)
    except TemplateDoesNotExist as error:
        raise InvalidNotification(
            f'extra["template_name"] names the template {name!r}, which does not exist in any of '
            "the places that TEMPLATES names."
        ) from error
    except TemplateSyntaxError as error:
        raise InvalidNotification(
            f'extra["template_name"] names the template {name!r}, which does not compile: {error}'
        ) from error


def _validate_addresses(key: str, value: Any) -> None:
    if value is None:
        return
    addresses = [value] if isinstance(value, str) else value
    if not _is_list_of_texts(addresses):
        raise InvalidNotification(f'extra["{key}"] must be an address or a list of addresses.')
    for address in addresses:
        if not address.strip():
            raise InvalidNotification(f'extra["{key}"] has an empty address. Leave it out.')
        if CONTROL_CHARACTERS.search(address):
            raise InvalidNotification(
                f'extra["{key}"] has an address with a line break or another control character. '
                "Remove it."
            )


def _validate_headers(headers: Any) -> None:
    if headers is None:
        return
    if not isinstance(headers, Mapping) or not _is_list_of_texts(list(headers.values())):
        raise InvalidNotification(
            'extra["headers"] must be a dict of text, such as {"X-Campaign": "spring"}.'
        )
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name):
            raise InvalidNotification(
                f'extra["headers"] has {name!r}, which is no name of a header: it may have '
                "letters, digits and hyphens."
            )
        if instead := RESERVED_HEADERS.get(name.lower()):
            raise InvalidNotification(f'extra["headers"] must not set {name}: {instead}.')
        if CONTROL_CHARACTERS.search(value):
            raise InvalidNotification(
                f'extra["headers"]["{name}"] has a line break or another control character. '
                "Remove it."
            )


def _validate_attachments(paths: Any) -> None:
    if paths is not None and not (_is_list_of_texts(paths) and all(paths)):
        raise InvalidNotification(
            'extra["attachments"] must be a list of paths in the default storage.'
        )


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
