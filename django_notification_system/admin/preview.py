"""A notification as its recipient would see it, on a page that lets nothing of it act."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.clickjacking import xframe_options_sameorigin

from ..exceptions import TargetUnavailable
from ..models import Notification
from ..notification_handlers.email_message import CannotBuildMessage, build_message, sender
from ..notification_handlers.registry import find_handler

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


@dataclass(frozen=True)
class Preview:
    """What the page shows.

    Attributes:
        kind: ``"email"``, ``"sms"``, ``"push"``, or ``"message"`` for targets of the project's.
        problem: Why it could not be sent as it is.
        headers: An email's, by name.
        text: The text of the message, or of an email's text part.
        html: A document with an email's HTML part, for a sandboxed frame.
        title: A push message's title, for instance.
        subtitle: A push message's.
        attachments: The names of an email's files, and how large they are, in bytes.
    """

    kind: str
    problem: str = ""
    headers: Sequence[tuple[Any, str]] = ()
    text: str = ""
    html: str = ""
    title: str = ""
    subtitle: str = ""
    attachments: Sequence[tuple[str, int]] = field(default_factory=tuple)


def preview_of(notification: Notification) -> Preview:
    """Return what a notification would look like if it were sent now.

    Args:
        notification: With its record, target and user loaded.
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
        return _email(notification)
    if kind == "sms":
        return Preview(kind, text=notification.body or notification.title)
    extra = notification.extra if isinstance(notification.extra, dict) else {}
    subtitle = extra.get("subtitle") if kind == "push" else ""
    return Preview(
        kind,
        problem,
        text=notification.body,
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
    context = {"notification": notification, "preview": preview_of(notification)}
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


def _email(notification: Notification) -> Preview:
    try:
        # A template may write, and a query that fails would spoil a transaction of the project's.
        with transaction.atomic(using=notification._state.db):
            message = build_message(notification, sender())
            transaction.set_rollback(True, using=notification._state.db)
    except (CannotBuildMessage, TargetUnavailable) as error:
        text = notification.body
        return Preview("email", str(error), [(_("Subject"), notification.title)], text)
    html = "".join(str(part[0]) for part in message.alternatives if part[1] == "text/html")
    addresses = (
        (pgettext_lazy("email", "From"), [str(message.from_email)]),
        (pgettext_lazy("email", "To"), message.to),
        (_("Cc"), message.cc),
        (_("Bcc"), message.bcc),
        (_("Reply-To"), message.reply_to),
    )
    return Preview(
        "email",
        headers=[
            *((name, ", ".join(values)) for name, values in addresses if values),
            (_("Subject"), str(message.subject)),
            *((name, str(value)) for name, value in message.extra_headers.items()),
        ],
        text=str(message.body),
        html=sealed(html) if html else "",
        attachments=[(str(part[0]), len(part[1])) for part in message.attachments],
    )
