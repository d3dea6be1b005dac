"""What the email target asks of a notification beyond what every target asks."""

import re
from collections.abc import Mapping
from typing import Any

from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import get_template

from ..exceptions import InvalidNotification
from .draft import Draft

ADDRESS_KEYS = ("cc", "bcc", "reply_to")
#: Printable US-ASCII but for the colon: RFC 5322, section 2.2.
HEADER_NAME = re.compile(r"[!-9;-~]+")


def validate_email(draft: Draft) -> None:
    """Check what only an email can get wrong.

    Raises:
        InvalidNotification: When there is neither a body nor a template, the template does not
            exist or does not compile, or what ``extra`` says of addresses, headers or attachments
            is of the wrong form.
    """
    extra = draft.extra
    _validate_template(draft.body, extra.get("template_name"))
    for key in ADDRESS_KEYS:
        _validate_addresses(key, extra.get(key))
    _validate_headers(extra.get("headers"))
    _validate_attachments(extra.get("attachments"))


def _validate_template(body: str, name: Any) -> None:
    if name is None:
        if not body:
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
    if any(_has_line_break(address) for address in addresses):
        raise InvalidNotification(f'extra["{key}"] has an address with a line break. Remove it.')


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
        if _has_line_break(value):
            raise InvalidNotification(f'extra["headers"]["{name}"] has a line break. Remove it.')


def _validate_attachments(paths: Any) -> None:
    if paths is not None and not (_is_list_of_texts(paths) and all(paths)):
        raise InvalidNotification(
            'extra["attachments"] must be a list of paths in the default storage.'
        )


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


def _has_line_break(text: str) -> bool:
    return text.splitlines() not in ([], [text])
