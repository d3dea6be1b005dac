"""A notification as its recipient would see it, on a page that lets nothing of it act."""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.clickjacking import xframe_options_sameorigin

from ..delivery.handlers.find import find_handler
from ..exceptions import TargetUnavailable
from ..models import Notification
from ..notification_handlers.email.attachments import attachment_size
from ..notification_handlers.email.cannot_build_message import CannotBuildMessage
from ..notification_handlers.email.message import (
    Body,
    addressed_message,
    attachment_paths,
    body_of,
    parts_of,
    template_name,
)
from ..notification_handlers.email.sender_address import sender

TEMPLATE = "admin/django_notification_system/notification/preview.html"
#: Nothing is loaded, nothing runs, nothing leads away; pictures may be part of the page itself.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none';"
    " base-uri 'none'"
)
# The policy stands before all that is in the mail. A frame takes the policy of its page along, and
# this one is for browsers that forget to. The sandbox does not let links open a window.
DOCUMENT_START = (
    '<!DOCTYPE html><meta charset="utf-8">'
    f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    '<meta http-equiv="x-dns-prefetch-control" content="off">'
    '<base target="_blank">'
)
#: Chromium connects to the server of ``<link rel=preconnect>`` and of ``<iframe>``, whatever the
#: policy says.
CONNECTING = re.compile(r"<(/?)(link|i?frame)\b", re.IGNORECASE)
#: How much of a message is shown, in characters: a browser can do no more with it, and the page
#: takes several times as much memory.
CHARACTERS_SHOWN = 200_000
#: How many attachments are shown, each of whose sizes the storage is asked for.
ATTACHMENTS_SHOWN = 20

TO_BE_RENDERED = _(
    "The template “%(name)s” is rendered when this is sent. Those who may change the notification"
    " see here what it makes."
)
WAS_RENDERED = _(
    "The template “%(name)s” was rendered when this was sent. What it made then is not kept."
)
IS_NOT_RENDERED = _("The template “%(name)s” is not rendered: this is not to be sent.")
IS_CUT = _("Only the beginning is shown: the message is too large for this page.")


@dataclass(frozen=True)
class Preview:
    """What the page shows.

    Attributes:
        kind: ``"email"``, ``"sms"``, ``"push"``, or ``"message"`` for targets of the project's.
        problem: Why it could not be sent as it is.
        notes: Why the page does not show all of it.
        headers: An email's, by name.
        text: The text of the message, or of an email's text part; ``None`` where that is made of
            the HTML part and was not asked for.
        html: A document with an email's HTML part, for a sandboxed frame.
        title: A push message's title, for instance.
        subtitle: A push message's.
        attachments: The names of an email's files, and how large they are, in bytes; ``None``
            where the storage does not tell.
        more_attachments: How many files it has beside these.
    """

    kind: str
    problem: str = ""
    notes: Sequence[Any] = ()
    headers: Sequence[tuple[Any, str]] = ()
    text: str | None = ""
    html: str = ""
    title: str = ""
    subtitle: str = ""
    attachments: Sequence[tuple[str, int | None]] = ()
    more_attachments: int = 0


def preview_of(
    notification: Notification, *, may_render: bool = False, with_text: bool = False
) -> Preview:
    """Return what a notification looks like to its recipient.

    A template is rendered for what is still to be sent, as it would be now. What was sent has been
    rendered: again it would say something else, and a link that resets a password would be valid.

    Args:
        notification: With its record, target and user loaded.
        may_render: Whether the person may see what a template makes.
        with_text: Whether an email of HTML is to be shown with its text part.
    """
    target = notification.target_user_record.target
    problem, kind = "", "message"
    try:
        if not find_handler(target).shadows_built_in:
            kinds = {"email": "email", "twilio": "sms", "expo": "push"}
            kind = kinds.get(target.notification_module_name, kind)
    except TargetUnavailable as error:
        problem = str(error)
    if kind == "email":
        return _email(notification, may_render=may_render, with_text=with_text)
    text, notes = _cut(notification.body)
    if kind == "sms":
        return Preview(kind, problem, notes, text=text or notification.title)
    extra = notification.extra if isinstance(notification.extra, dict) else {}
    subtitle = extra.get("subtitle") if kind == "push" else ""
    return Preview(
        kind,
        problem,
        notes,
        text=text,
        title=notification.title,
        subtitle=subtitle if isinstance(subtitle, str) else "",
    )


def preview_page(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Return the page.

    Raises:
        Http404: When there is no such notification.
        PermissionDenied: When the person may not see it.
    """
    notification = model_admin.get_object(request, object_id)
    if notification is None:
        raise Http404
    if not model_admin.has_view_or_change_permission(request, notification):
        raise PermissionDenied
    preview = preview_of(
        notification,
        may_render=model_admin.has_change_permission(request, notification),
        with_text=request.GET.get("part") == "text",
    )
    context = {"notification": notification, "preview": preview}
    response = render(request, TEMPLATE, context)
    response["Content-Security-Policy"] = f"{POLICY}; frame-src 'none'; frame-ancestors 'self'"
    response["Referrer-Policy"] = "no-referrer"
    response["X-DNS-Prefetch-Control"] = "off"
    response["X-Content-Type-Options"] = "nosniff"
    return response


framed_preview_page = xframe_options_sameorigin(preview_page)


def sealed(html: str) -> str:
    """Return a document that shows HTML of whatever origin in a sandboxed frame."""
    return DOCUMENT_START + CONNECTING.sub(r"<\1x-\2", html)


def _email(notification: Notification, *, may_render: bool, with_text: bool) -> Preview:
    is_pending = notification.status in Notification.PENDING_STATUSES
    try:
        message = addressed_message(notification, sender())
        body, notes = _body(notification, may_render=may_render, is_pending=is_pending)
        paths = attachment_paths(notification)
        attachments = [
            (posixpath.basename(path), _size(path, is_pending=is_pending))
            for path in paths[:ATTACHMENTS_SHOWN]
        ]
    except (CannotBuildMessage, TargetUnavailable) as error:
        text, notes = _cut(notification.body)
        headers = [(_("Subject"), notification.title)]
        return Preview("email", str(error), notes, headers, text)
    html, text_of = parts_of(body, notification.title) if body else ("", str)
    # A text that was plain costs nothing, and is what the HTML part was made of.
    shows_text = with_text or body is None or html != body.content
    addresses = (
        (pgettext_lazy("email", "From"), [str(message.from_email)]),
        (pgettext_lazy("email", "To"), message.to),
        (_("Cc"), message.cc),
        (_("Bcc"), message.bcc),
        (_("Reply-To"), message.reply_to),
    )
    return Preview(
        "email",
        notes=notes,
        headers=[
            *((name, ", ".join(values)) for name, values in addresses if values),
            (_("Subject"), str(message.subject)),
            *((name, str(value)) for name, value in message.extra_headers.items()),
        ],
        text=text_of() if shows_text else None,
        html=sealed(html) if html else "",
        attachments=attachments,
        more_attachments=len(paths) - len(attachments),
    )


def _body(
    notification: Notification, *, may_render: bool, is_pending: bool
) -> tuple[Body | None, list[Any]]:
    """Return the body, if it is to be shown, and notes on it."""
    name = template_name(notification)
    if name is None:
        body = body_of(notification)
    elif is_pending and may_render:
        # A template may write, and a query that fails would spoil a transaction of the project's.
        with transaction.atomic(using=notification._state.db):
            body = body_of(notification)
            transaction.set_rollback(True, using=notification._state.db)
    else:
        was_sent = notification.attempted_delivery is not None
        reason = WAS_RENDERED if was_sent else IS_NOT_RENDERED
        return None, [(TO_BE_RENDERED if is_pending else reason) % {"name": name}]
    content, notes = _cut(body.content)
    return Body(content, body.subtype), notes


def _size(path: str, *, is_pending: bool) -> int | None:
    """Return an attachment's size; of what is not to be sent, the file may be gone by now."""
    try:
        return attachment_size(path)
    except CannotBuildMessage:
        if is_pending:
            raise
        return None


def _cut(text: str) -> tuple[str, list[Any]]:
    """Return as much as is shown of a text, and a note where that is not all."""
    if len(text) <= CHARACTERS_SHOWN:
        return text, []
    return text[:CHARACTERS_SHOWN], [IS_CUT]
