"""Building the mail of one notification: its parts, its headers, what ``extra`` adds."""

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from functools import lru_cache
from typing import Any

from django.db import DatabaseError
from django.utils.encoding import punycode

from ...conf import email_settings
from ...models import Notification
from ...models.address import trimmed
from ...models.notification import has_line_break
from ..base import one_line
from ..html.to_text import html_to_text, is_html, text_to_html
from .addresses import fault_of_addresses
from .attachments import attachment_type, read_attachment
from .cannot_build_message import CannotBuildMessage
from .headers import CONTROL_CHARACTERS, headers_of
from .mime import NotificationMail
from .template import ContentSubtype, render, subtype_of


@dataclass(frozen=True)
class Body:
    """What a mail says.

    Attributes:
        content: Plain text or HTML.
        subtype: Which of the two it is, where somebody said so.
    """

    content: str
    subtype: ContentSubtype | None


def build_message(notification: Notification, from_email: str) -> NotificationMail:
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
    html, text = parts_of(body_of(notification), notification.title)
    message = addressed_message(notification, from_email, text())
    if html:
        message.attach_alternative(html, "text/html")
    for path in attachment_paths(notification):
        name, content = posixpath.basename(path), read_attachment(path)
        message.attach(name, content, attachment_type(name, content))
    return message


def addressed_message(
    notification: Notification, from_email: str, text: str = ""
) -> NotificationMail:
    """Return the mail with its addresses, its headers and its text, and nothing else in it.

    Args:
        notification: With its record and user loaded.
        from_email: The sender.
        text: The text part.

    Raises:
        CannotBuildMessage: When the notification makes that impossible.
    """
    extra = _extra(notification)
    return NotificationMail(
        subject=_subject(notification.title),
        body=text,
        from_email=from_email,
        to=[_recipient(notification)],
        cc=_addresses(extra, "cc"),
        bcc=_addresses(extra, "bcc"),
        reply_to=_addresses(extra, "reply_to"),
        headers=_headers(extra, notification, from_email),
    )


def attachment_paths(notification: Notification) -> list[str]:
    """Return the paths of a mail's attachments in the default storage.

    Raises:
        CannotBuildMessage: When ``extra`` has something else there.
    """
    return _strings(_extra(notification), "attachments")


def template_name(notification: Notification) -> str | None:
    """Return the name of the template that is rendered when the mail is sent, if any.

    Raises:
        CannotBuildMessage: When ``extra`` has something else there.
    """
    name = _extra(notification).get("template_name")
    if notification.body.strip() or name is None or name == "":
        return None
    if not isinstance(name, str):
        raise CannotBuildMessage("extra['template_name'] must be a text, a template's name.")
    return name


def _extra(notification: Notification) -> Mapping[str, Any]:
    return notification.extra if isinstance(notification.extra, dict) else {}


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
    address = trimmed(notification.target_user_record.target_user_id)
    if not address:
        raise CannotBuildMessage("the target user record has no address. Enter one.")
    if CONTROL_CHARACTERS.search(address):
        raise CannotBuildMessage(
            "the target user record's address has a line break or another control character."
            " Correct it."
        )
    if fault := fault_of_addresses(address):
        raise CannotBuildMessage(f"the target user record's address {fault}. Correct it.")
    return address


def body_of(notification: Notification) -> Body:
    """Return the body; where a template makes it, the template is rendered.

    Args:
        notification: With its record and user loaded.

    Raises:
        CannotBuildMessage: When the notification or its template makes that impossible.
    """
    extra = _extra(notification)
    subtype = extra.get("content_subtype")
    if subtype not in (None, "html", "plain"):
        raise CannotBuildMessage('extra[\'content_subtype\'] must be "html" or "plain".')
    name = template_name(notification)
    if name is None:
        return Body(_encodable(notification.body), subtype or email_settings().content_subtype)
    subtype = subtype or subtype_of(name)
    return Body(_encodable(_rendered(name, notification, subtype)), subtype)


def _rendered(name: str, notification: Notification, subtype: ContentSubtype | None) -> str:
    user = notification.target_user_record.user
    context = {"user": user, "notification": notification, **_extra(notification)}
    try:
        return render(name, context, subtype)
    except Exception as error:
        raise CannotBuildMessage(
            f"the template {name!r} could not be rendered ({one_line(error)}). Mend the template,"
            " or extra['template_name'].",
            temporary=isinstance(error, DatabaseError),
        ) from error


def parts_of(body: Body, title: str) -> tuple[str, Callable[[], str]]:
    """Return the HTML part, which is empty where there is nothing to show, and the text part.

    To make a text of HTML takes time, and who does not show it need not call for it.

    Args:
        body: The body.
        title: What the text part says where the body has no words.
    """
    if body.subtype == "html" or (body.subtype is None and is_html(body.content)):
        # A mail of one picture has no words; a text part with the title is better than none.
        return body.content, lambda: html_to_text(body.content) or title
    html = text_to_html(body.content) if body.content.strip() else ""
    return html, lambda: body.content


def _encodable(text: str) -> str:
    """Return text without what no mail can carry: NUL (RFC 5321) and halves of characters."""
    return text.replace("\x00", "").encode(errors="replace").decode()


def _headers(
    extra: Mapping[str, Any], notification: Notification, from_email: str
) -> dict[str, str]:
    headers = headers_of(extra)
    if not any(name.lower() == "message-id" for name in headers):
        headers["Message-ID"] = message_id(notification, from_email)
    return headers


def _addresses(extra: Mapping[str, Any], key: str) -> list[str]:
    addresses = [trimmed(address) for address in _strings(extra, key)]
    if not all(addresses):
        raise CannotBuildMessage(f"extra['{key}'] has an empty address.")
    for address in addresses:
        if fault := fault_of_addresses(address):
            raise CannotBuildMessage(f'extra["{key}"] has {address!r}, which {fault}. Correct it.')
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
