"""Build the mail of a notification: parts, headers, additions of ``extra``."""

import posixpath
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from email.utils import parseaddr
from functools import lru_cache
from typing import Any

from django.db import DatabaseError, InterfaceError
from django.utils import translation
from django.utils.encoding import punycode

from ...models import Notification
from ...models.address import trimmed
from ...models.content_rules import has_line_break
from ...rendering import ContentSubtype, render, subtype_of
from ..base import one_line
from ..html.to_text import html_to_text, is_html, text_to_html
from .addresses import fault_of_addresses
from .attachments import attachment_type, read_attachment
from .cannot_build_message import CannotBuildMessage
from .headers import NOT_IN_A_HEADER, headers_of
from .html_filters import filtered
from .mime import NotificationMail
from .settings import email_settings
from .stored_attachments import StoredAttachments
from .unsubscribing import Footers, Links, headers_of_links, links_of


@dataclass(frozen=True)
class Body:
    """A mail's text.

    Attributes:
        content: Plain text or HTML.
        subtype: ``"plain"`` or ``"html"``, or ``None`` where nobody said so.
    """

    content: str
    subtype: ContentSubtype | None


def build_message(
    notification: Notification,
    from_email: str,
    stored: StoredAttachments | None = None,
    footers: Footers | None = None,
) -> NotificationMail:
    """Return the mail of a notification.

    A body of plain text stays unchanged and gets an HTML part with the same look; an HTML body gets
    a text part. For an empty body, the Django template named by ``extra["template_name"]`` is
    rendered now, with ``extra``, ``user``, ``notification`` and the links in its context.

    Args:
        notification: The notification, with record and user loaded.
        from_email: The sender.
        stored: Reads attachments that the database keeps; shared by many mails.
        footers: The footers; shared by many mails.

    Raises:
        CannotBuildMessage: When notification, template or a file make no mail.
    """
    links = links_of(notification)
    html, text_of = parts_with_text(body_of(notification, links), notification)
    with in_language_of(notification):
        html, text = with_footers(html, text_of(), links, footers)
    message = addressed_message(notification, from_email, links, text)
    if html:
        message.attach_alternative(html, "text/html")
    for path in attachment_paths(notification):
        name, content = posixpath.basename(path), read_attachment(path)
        message.attach(name, content, attachment_type(name, content))
    for file in (stored or StoredAttachments()).of(notification):
        kind = attachment_type(file.name, file.content, file.mimetype) or file.mimetype
        message.attach(file.name, file.content, kind)
    return message


def addressed_message(
    notification: Notification, from_email: str, links: Links, text: str = ""
) -> NotificationMail:
    """Return the mail with addresses, headers and text, without any other part.

    Args:
        notification: The notification, with record and user loaded.
        from_email: The sender.
        links: The mail's links.
        text: The text part.

    Raises:
        CannotBuildMessage: When the notification makes no mail.
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
        headers=_headers(extra, notification, from_email, links),
    )


def attachment_paths(notification: Notification) -> list[str]:
    """Return the paths of a mail's attachments in the default storage.

    Args:
        notification: The notification.

    Raises:
        CannotBuildMessage: When ``extra["attachments"]`` is neither a path nor a list of paths.
    """
    return _strings(_extra(notification), "attachments")


def template_name(notification: Notification) -> str | None:
    """Return the name of the template to be rendered when the mail is sent, or ``None``.

    Args:
        notification: The notification.

    Raises:
        CannotBuildMessage: When ``extra["template_name"]`` is no name.
    """
    name = _extra(notification).get("template_name")
    if notification.body.strip() or name is None or name == "":
        return None
    if not isinstance(name, str):
        raise CannotBuildMessage("extra['template_name'] must be a text, a template's name.")
    return name


def in_language_of(notification: Notification) -> AbstractContextManager[None]:
    """Return a context in the language of a notification of a type; any other's changes nothing.

    Args:
        notification: The notification.
    """
    rendered = notification.rendered
    return nullcontext() if rendered is None else translation.override(rendered.language)


def _extra(notification: Notification) -> Mapping[str, Any]:
    return notification.extra if isinstance(notification.extra, dict) else {}


def message_id(notification: Notification, from_email: str) -> str:
    """Return the Message-ID of a notification's mail.

    All attempts have the same Message-ID, so that a receiver can drop a second copy.

    Args:
        notification: The notification.
        from_email: The sender; its domain ends the Message-ID.
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
    return NOT_IN_A_HEADER.sub(" ", _encodable(title))


def _recipient(notification: Notification) -> str:
    address = trimmed(notification.target_user_record.target_user_id)
    if not address:
        raise CannotBuildMessage("the target user record has no address. Enter one.")
    if NOT_IN_A_HEADER.search(address):
        raise CannotBuildMessage(
            "the target user record's address has a line break or another control character."
            " Correct it."
        )
    if fault := fault_of_addresses(address):
        raise CannotBuildMessage(f"the target user record's address {fault}. Correct it.")
    return address


def body_of(notification: Notification, links: Links) -> Body:
    """Return the body; a template is rendered.

    Args:
        notification: The notification, with record and user loaded.
        links: The mail's links, for a template.

    Raises:
        CannotBuildMessage: When notification or template make no body.
    """
    if notification.rendered is not None:
        return Body(_encodable(notification.body), notification.rendered.subtype)
    extra = _extra(notification)
    subtype = extra.get("content_subtype")
    if subtype not in (None, "html", "plain"):
        raise CannotBuildMessage('extra[\'content_subtype\'] must be "html" or "plain".')
    name = template_name(notification)
    if name is None:
        return Body(_encodable(notification.body), subtype or email_settings().content_subtype)
    subtype = subtype or subtype_of(name)
    return Body(_encodable(_rendered(name, notification, subtype, links)), subtype)


def _rendered(
    name: str, notification: Notification, subtype: ContentSubtype | None, links: Links
) -> str:
    user = notification.target_user_record.user
    context = {
        "user": user,
        "notification": notification,
        **links.in_templates,
        **_extra(notification),
    }
    try:
        return render(name, context, subtype)
    except Exception as error:
        raise CannotBuildMessage(
            f"the template {name!r} could not be rendered ({one_line(error)}). Mend the template,"
            " or extra['template_name'].",
            temporary=isinstance(error, DatabaseError | InterfaceError),
        ) from error


def parts_with_text(body: Body, notification: Notification) -> tuple[str, Callable[[], str]]:
    """Return what ``parts_of()`` returns; of a type with a template for it, that text part.

    Args:
        body: The body.
        notification: The notification.
    """
    html, text_of = parts_of(body, notification.title)
    rendered = notification.rendered
    if rendered is None or (text := rendered.text) is None:
        return html, text_of
    return html, lambda: _encodable(text)


def parts_of(body: Body, title: str) -> tuple[str, Callable[[], str]]:
    """Return the HTML part, empty where nothing can be shown, and a function for the text part.

    A text made of HTML takes time; callers without use for the text do not call the function.

    Args:
        body: The body.
        title: The text part of a body without words.

    Raises:
        CannotBuildMessage: When a filter of the project's makes no HTML.
    """
    if has_html(body):
        html = filtered(body.content)
        # A mail with only a picture has no words; a text part with the title is better than none.
        return html, lambda: html_to_text(html) or title
    html = text_to_html(body.content) if body.content.strip() else ""
    return html, lambda: body.content


def has_html(body: Body) -> bool:
    """Tell whether a body is HTML, by its kind or by its look.

    Args:
        body: The body.
    """
    return body.subtype == "html" or (body.subtype is None and is_html(body.content))


def with_footers(
    html: str, text: str, links: Links, footers: Footers | None = None
) -> tuple[str, str]:
    """Return the parts of a mail with their footers, if the mail has footers.

    Args:
        html: The HTML part, or an empty text.
        text: The text part.
        links: The mail's links.
        footers: The footers; shared by many mails.

    Raises:
        CannotBuildMessage: When a footer's template, perhaps a project's own, makes no text.
    """
    if links.category is None:
        return html, text
    try:
        return (footers or Footers()).add_to(html, text, links)
    except Exception as error:
        raise CannotBuildMessage(
            f"the footer could not be rendered ({one_line(error)}). Mend the templates"
            " django_notification_system/email/footer.html and footer.txt."
        ) from error


def _encodable(text: str) -> str:
    """Return a text without NUL (RFC 5321) and lone surrogates, which no mail can carry."""
    return text.replace("\x00", "").encode(errors="replace").decode()


def _headers(
    extra: Mapping[str, Any], notification: Notification, from_email: str, links: Links
) -> dict[str, str]:
    headers = headers_of(extra)
    headers.update(headers_of_links(links, headers))
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
    """Return the texts under a key of ``extra``: a list, or a single text."""
    value = extra.get(key)
    if value is None or value == "":
        return []
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise CannotBuildMessage(f"extra['{key}'] must be a list of texts, or a single one.")
    if any(NOT_IN_A_HEADER.search(item) for item in values):
        raise CannotBuildMessage(f"extra['{key}'] has a line break or another control character.")
    return values
