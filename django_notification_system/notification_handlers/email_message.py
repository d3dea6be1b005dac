"""Building the mail of one notification: its parts, its headers, what ``extra`` adds."""

import os
import posixpath
import re
from collections.abc import Mapping
from email.utils import parseaddr
from functools import lru_cache
from typing import Any, Literal

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.core.mail import EmailMultiAlternatives
from django.db import DatabaseError
from django.template.loader import render_to_string
from django.utils.encoding import punycode
from django.utils.translation import gettext as _

from ..conf import email_settings
from ..models import Notification
from ..models.notification import has_line_break
from .base import TargetUnavailable, one_line
from .html_to_text import html_to_text, is_html, text_to_html

ContentSubtype = Literal["html", "plain"]

#: What ends a line for Python's email package, or has no place in a header.
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
#: RFC 5322, section 3.6.8: printable US-ASCII without the colon.
HEADER_NAME = re.compile(r"[!-9;-~]+")
#: Headers that a message has once and gets otherwise.
RESERVED_HEADERS = {
    "bcc": "use extra['bcc']",
    "subject": "the notification's title is the subject",
    "content-transfer-encoding": "it follows from the body",
    "content-type": "it follows from the body",
    "mime-version": "it follows from the body",
}
SUBTYPE_OF_SUFFIX: Mapping[str, ContentSubtype] = {".html": "html", ".htm": "html", ".txt": "plain"}


class CannotBuildMessage(Exception):
    """A notification makes no mail; the text says why and what to do.

    Attributes:
        temporary: Whether it may do so later.
    """

    def __init__(self, reason: str, *, temporary: bool = False) -> None:
        super().__init__(reason)
        self.temporary = temporary


def sender() -> str:
    """Return the address that mail comes from.

    Raises:
        TargetUnavailable: When it cannot stand in a header.
    """
    address = email_settings().from_email or settings.DEFAULT_FROM_EMAIL
    if not isinstance(address, str) or CONTROL_CHARACTERS.search(address):
        raise TargetUnavailable(
            _(
                "The sender's address is not text on one line. Correct from_email in"
                " NOTIFICATION_SYSTEM_TARGETS['email'], or DEFAULT_FROM_EMAIL."
            )
        )
    return address


def build_message(notification: Notification, from_email: str) -> EmailMultiAlternatives:
    """Return the mail that a notification asks for.

    A body of plain text stays as it is and gets an HTML part that looks the same; a body of HTML
    gets a text part. Where the body is empty, ``extra["template_name"]`` names a Django template
    that is rendered now, with ``extra``, ``user`` and ``notification`` as its context.

    Args:
        notification: With its record and user loaded.
        from_email: The sender.

    Raises:
        CannotBuildMessage: When the notification, its template or a file makes that impossible.
    """
    extra = notification.extra if isinstance(notification.extra, dict) else {}
    body, subtype = _body(notification, extra)
    text, html = _parts(body, subtype, notification.title)
    message = EmailMultiAlternatives(
        subject=_subject(notification.title),
        body=text,
        from_email=from_email,
        to=[_recipient(notification)],
        cc=_addresses(extra, "cc"),
        bcc=_addresses(extra, "bcc"),
        reply_to=_addresses(extra, "reply_to"),
        headers=_headers(extra, notification, from_email),
    )
    if html:
        message.attach_alternative(html, "text/html")
    for path in _strings(extra, "attachments"):
        message.attach(posixpath.basename(path), _read(path))
    return message


def message_id(notification: Notification, from_email: str) -> str:
    """Return the Message-ID of a notification's mail.

    It is the same in every attempt, so that a receiver may drop a second copy.
    """
    return f"<{notification.pk}@{_domain(from_email)}>"


@lru_cache(maxsize=8)
def _domain(from_email: str) -> str:
    _name, at, domain = parseaddr(from_email)[1].rpartition("@")
    try:
        return punycode(domain) if at else "localhost"
    except UnicodeError:
        return "localhost"


def _subject(title: str) -> str:
    if has_line_break(title):
        raise CannotBuildMessage(
            "the title has a line break, which a mail's subject must not have. Write it on one"
            " line."
        )
    return CONTROL_CHARACTERS.sub(" ", _encodable(title))


def _recipient(notification: Notification) -> str:
    address = notification.target_user_record.target_user_id.strip()
    if not address:
        raise CannotBuildMessage("the target user record has no address. Enter one.")
    if CONTROL_CHARACTERS.search(address):
        raise CannotBuildMessage(
            "the target user record's address has a line break or another control character."
            " Correct it."
        )
    return address


def _body(
    notification: Notification, extra: Mapping[str, Any]
) -> tuple[str, ContentSubtype | None]:
    """Return the body and, where somebody said so, what it is."""
    subtype = extra.get("content_subtype")
    if subtype not in (None, "html", "plain"):
        raise CannotBuildMessage('extra[\'content_subtype\'] must be "html" or "plain".')
    template_name = extra.get("template_name")
    if notification.body.strip() or template_name is None or template_name == "":
        return _encodable(notification.body), subtype or email_settings().content_subtype
    if not isinstance(template_name, str):
        raise CannotBuildMessage("extra['template_name'] must be a text, a template's name.")
    suffix = posixpath.splitext(template_name)[1].lower()
    rendered = _rendered(template_name, notification, extra)
    return _encodable(rendered), subtype or SUBTYPE_OF_SUFFIX.get(suffix)


def _rendered(template_name: str, notification: Notification, extra: Mapping[str, Any]) -> str:
    user = notification.target_user_record.user
    try:
        return render_to_string(
            template_name, {"user": user, "notification": notification, **extra}
        )
    except Exception as error:
        raise CannotBuildMessage(
            f"the template {template_name!r} could not be rendered ({one_line(error)}). Mend the"
            " template, or extra['template_name'].",
            temporary=isinstance(error, DatabaseError),
        ) from error


def _parts(body: str, subtype: ContentSubtype | None, title: str) -> tuple[str, str]:
    """Return the text part and the HTML part, which is empty where there is nothing to show."""
    if subtype == "html" or (subtype is None and is_html(body)):
        # A mail of one picture has no words; a text part with the title is better than none.
        return html_to_text(body) or title, body
    if not body.strip():
        return body, ""
    return body, text_to_html(body)


def _encodable(text: str) -> str:
    """Return text without what no mail can carry: NUL (RFC 5321) and halves of characters."""
    return text.replace("\x00", "").encode(errors="replace").decode()


def _headers(
    extra: Mapping[str, Any], notification: Notification, from_email: str
) -> dict[str, str]:
    given = extra.get("headers")
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise CannotBuildMessage("extra['headers'] must be an object of names and texts.")
    headers = {name: _header(name, value) for name, value in given.items()}
    if not any(name.lower() == "message-id" for name in headers):
        headers["Message-ID"] = message_id(notification, from_email)
    return headers


def _header(name: str, value: Any) -> str:
    if not HEADER_NAME.fullmatch(name):
        raise CannotBuildMessage(f"extra['headers'] has {name!r}, which is no header's name.")
    if instead := RESERVED_HEADERS.get(name.lower()):
        raise CannotBuildMessage(f"extra['headers'] must not set {name}: {instead}.")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise CannotBuildMessage(f"extra['headers'][{name!r}] must be a text.")
    if CONTROL_CHARACTERS.search(str(value)):
        raise CannotBuildMessage(
            f"extra['headers'][{name!r}] has a line break or another control character."
        )
    return str(value)


def _addresses(extra: Mapping[str, Any], key: str) -> list[str]:
    addresses = [address.strip() for address in _strings(extra, key)]
    if not all(addresses):
        raise CannotBuildMessage(f"extra['{key}'] has an empty address.")
    return addresses


def _strings(extra: Mapping[str, Any], key: str) -> list[str]:
    """Return what a key of ``extra`` holds: a list of texts, or a single one."""
    value = extra.get(key)
    if value is None or value == "":
        return []
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise CannotBuildMessage(f"extra['{key}'] must be a list of texts, or a single one.")
    if any(CONTROL_CHARACTERS.search(item) for item in values):
        raise CannotBuildMessage(f"extra['{key}'] has a line break or another control character.")
    return values


def _storage() -> Storage:
    """Return the default storage, unless that is the project itself.

    Django's default for MEDIA_ROOT is empty, which means the folder that the process runs in: the
    one with the settings, as a rule, and their passwords.
    """
    storage = storages["default"]
    if isinstance(storage, FileSystemStorage) and os.path.normpath(storage.base_location or "") == (
        "."
    ):
        raise CannotBuildMessage(
            "extra['attachments'] is refused while MEDIA_ROOT is empty, for then the default"
            " storage is the folder of the project's own files. Set MEDIA_ROOT to a folder of"
            " its own."
        )
    return storage


def _read(path: str) -> bytes:
    storage = _storage()
    try:
        with storage.open(path, "rb") as file:
            content: bytes = file.read()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        reason = "is not in the default storage. Put it there, or correct extra['attachments']."
        raise CannotBuildMessage(f"the attachment {path!r} {reason}") from None
    except (SuspiciousOperation, ValueError) as error:
        reason = "is no path in the default storage. Correct extra['attachments']."
        raise CannotBuildMessage(f"the attachment {path!r} {reason}") from error
    except Exception as error:
        raise CannotBuildMessage(
            f"the attachment {path!r} could not be read ({one_line(error)}).", temporary=True
        ) from error
    return content
