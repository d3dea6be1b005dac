"""The email target's own rules for a notification.

The handler checks every mail again, for rows without a creator; here the caller learns of a fault
in time.
"""

from collections.abc import Mapping
from typing import Any

from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import get_template
from django.utils.translation import gettext as _

from ...draft import Draft
from ...exceptions import InvalidNotification
from ...models.address import trimmed
from ..base import one_line
from .addresses import fault_of_addresses
from .attachments import check_attachment
from .cannot_build_message import CannotBuildMessage
from .headers import (
    HEADER_NAME,
    NOT_IN_A_HEADER,
    RESERVED_HEADERS,
    fault_of_header,
)

ADDRESS_KEYS = ("cc", "bcc", "reply_to")


def validate(draft: Draft) -> None:
    """Check the parts of a notification that only emails have.

    Args:
        draft: The notification's content.

    Raises:
        InvalidNotification: When body and template are both missing, the template does not exist or
            does not compile, an attachment is not in the default storage, or addresses, headers or
            attachments in ``extra`` have the wrong form.
    """
    extra = draft.extra
    if extra.get("content_subtype") not in (None, "html", "plain"):
        raise InvalidNotification(_('extra["content_subtype"] must be "html" or "plain".'))
    _validate_template(draft.body, extra.get("template_name"))
    for key in ADDRESS_KEYS:
        _validate_addresses(key, extra.get(key))
    _validate_headers(extra.get("headers"))
    _validate_attachments(extra.get("attachments"))


def _validate_template(body: str, name: Any) -> None:
    if name is None or name == "":
        if not body.strip():
            raise InvalidNotification(
                _(
                    "An email needs a body. Pass body, or name a template in"
                    ' extra["template_name"].'
                ),
                argument="body",
            )
        return
    if not isinstance(name, str):
        raise InvalidNotification(
            _('extra["template_name"] must be a str, not %s.') % type(name).__name__
        )
    try:
        get_template(name)
    except TemplateDoesNotExist as error:
        raise InvalidNotification(
            _(
                'extra["template_name"] names the template %r, which does not exist in any of'
                " the places that TEMPLATES names."
            )
            % name
        ) from error
    except TemplateSyntaxError as error:
        raise InvalidNotification(
            _(
                'extra["template_name"] names the template %(name)r, which does not compile:'
                " %(error)s"
            )
            % {"name": name, "error": error}
        ) from error
    except Exception as error:  # a folder's name, a binary file, another engine's errors
        raise InvalidNotification(
            _(
                'extra["template_name"] names the template %(name)r, which cannot be loaded:'
                " %(error)s"
            )
            % {"name": name, "error": one_line(error)}
        ) from error


def _validate_addresses(key: str, value: Any) -> None:
    if value is None:
        return
    addresses = [value] if isinstance(value, str) else value
    if not _is_list_of_texts(addresses):
        raise InvalidNotification(_('extra["%s"] must be an address or a list of addresses.') % key)
    for address in addresses:
        if not trimmed(address):
            raise InvalidNotification(_('extra["%s"] has an empty address. Leave it out.') % key)
        if NOT_IN_A_HEADER.search(address):
            raise InvalidNotification(
                _(
                    'extra["%s"] has an address with a line break or another control character.'
                    " Remove it."
                )
                % key
            )
        if fault := fault_of_addresses(trimmed(address), _):
            raise InvalidNotification(
                _('extra["%(key)s"] has %(address)r, which %(fault)s. Correct it.')
                % {"key": key, "address": address, "fault": fault}
            )


def _validate_headers(headers: Any) -> None:
    if headers is None:
        return
    if not isinstance(headers, Mapping) or not _is_list_of_texts(list(headers.values())):
        raise InvalidNotification(
            _('extra["headers"] must be a dict of text, such as {"X-Campaign": "spring"}.')
        )
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name):
            raise InvalidNotification(
                _(
                    'extra["headers"] has %r, which is no name of a header: it may have letters,'
                    " digits and hyphens."
                )
                % name
            )
        if instead := RESERVED_HEADERS.get(name.lower()):
            raise InvalidNotification(
                _('extra["headers"] must not set %(name)s: %(instead)s.')
                % {"name": name, "instead": _(instead)}
            )
        if NOT_IN_A_HEADER.search(value):
            raise InvalidNotification(
                _(
                    'extra["headers"]["%s"] has a line break or another control character.'
                    " Remove it."
                )
                % name
            )
        if fault := fault_of_header(name, value, _):
            raise InvalidNotification(
                _('extra["headers"]["%(name)s"] %(fault)s. Correct it.')
                % {"name": name, "fault": fault}
            )


def _validate_attachments(paths: Any) -> None:
    if paths is None:
        return
    if not (_is_list_of_texts(paths) and all(paths)):
        raise InvalidNotification(
            _('extra["attachments"] must be a list of paths in the default storage.')
        )
    for path in paths:
        try:
            check_attachment(path)
        except CannotBuildMessage as error:
            # A storage out of reach for now is asked again when the mail is sent.
            if not error.temporary:
                raise InvalidNotification(str(error)) from error


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
