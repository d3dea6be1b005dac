"""A notification in its recipient's view, on a page where nothing of the message can act."""

import copy
import re
from dataclasses import replace
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.clickjacking import xframe_options_sameorigin

from ..delivery.handlers.find import find_handler
from ..delivery.handlers.typed import is_to_be_rendered, prepare
from ..exceptions import TargetUnavailable
from ..models import Notification
from ..notification_handlers.preview import Preview, shown_part
from ..outcome import one_line

TEMPLATE = "admin/django_notification_system/notification/preview.html"
#: Nothing is loaded, nothing runs, nothing leads away; pictures may be part of the page itself.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none';"
    " base-uri 'none'"
)
# The policy stands before the mail's content. A frame inherits its page's policy; this policy is
# for browsers that do not. The sandbox does not let links open a window.
DOCUMENT_START = (
    '<!DOCTYPE html><meta charset="utf-8">'
    f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    '<meta http-equiv="x-dns-prefetch-control" content="off">'
    '<base target="_blank">'
)
TO_BE_MADE = _(
    "The texts of the type “%(name)s” are made when this is sent. Those who may change the"
    " notification see them here."
)
WAS_MADE = _(
    "The texts of the type “%(name)s” are made when a notification is sent, and are not kept."
)
#: Chromium connects to the server of ``<link rel=preconnect>`` and of ``<iframe>``, against any
#: policy.
CONNECTING = re.compile(r"<(/?)(link|i?frame)\b", re.IGNORECASE)


def preview_of(
    notification: Notification, *, may_render: bool = False, with_text: bool = False
) -> Preview:
    """Return a notification's appearance for the recipient, by the handler.

    Args:
        notification: The notification, with its record, target and user loaded.
        may_render: Whether the person may see a rendered template.
        with_text: Whether an HTML email is shown with its text part.
    """
    try:
        handler = find_handler(notification.target_user_record.target)
    except TargetUnavailable as error:
        return _plain(notification, problem=str(error))
    if handler.preview is None:
        return _plain(notification)
    notification, problem = _with_texts(notification, may_render=may_render)
    try:
        preview: Preview = handler.preview(notification, may_render=may_render, with_text=with_text)
        notes = [*preview.notes, *_notes(notification)]
        html = sealed(preview.html) if preview.html else ""
        return replace(preview, html=html, notes=notes, problem=preview.problem or problem)
    except Exception as error:  # of a project's own function: the rest of the page is there
        said = f"preview() in {handler.source} failed: {one_line(error)}"
        return _plain(notification, problem=said)


def _with_texts(notification: Notification, *, may_render: bool) -> tuple[Notification, str]:
    """Return a notification of a type with its texts, or the reason why it has none."""
    is_pending = notification.status in Notification.PENDING_STATUSES
    if not (is_pending and may_render and is_to_be_rendered(notification)):
        return notification, ""
    shown = copy.copy(notification)
    # A template may write, and a failed query would spoil a transaction of the project's.
    with transaction.atomic(using=notification._state.db):
        prepared = prepare([shown], shown.target_user_record.target, is_live=False)
        transaction.set_rollback(True, using=notification._state.db)
    if prepared.ready:
        return shown, ""
    said = [outcome.response for outcome in prepared.failed] or [shown.response]
    return notification, said[0]


def _notes(notification: Notification) -> list[Any]:
    if not is_to_be_rendered(notification):
        return []
    name = notification.extra["type"]
    if notification.status in Notification.PENDING_STATUSES:
        return [TO_BE_MADE % {"name": name}]
    return [WAS_MADE % {"name": name}]


def _plain(notification: Notification, problem: str = "") -> Preview:
    text, notes = shown_part(notification.body)
    return Preview(problem=problem, notes=notes, text=text, title=notification.title)


def preview_page(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Return the page.

    Args:
        model_admin: The admin of notifications.
        request: The visitor's request.
        object_id: The notification's key, as in the URL.

    Raises:
        Http404: When there is no such notification.
        PermissionDenied: When the person may not see the notification.
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
    return sealed_page(request, notification, preview)


def sealed_page(
    request: HttpRequest, notification: Notification, preview: Preview, *, text_url: str = ""
) -> HttpResponse:
    """Return the page of a preview, on which nothing of the message can act.

    Args:
        request: The visitor's request.
        notification: The notification, or an unsaved sample.
        preview: The notification's appearance.
        text_url: The address of the same page with the text part; by default by the page's own.
    """
    context = {"notification": notification, "preview": preview, "text_url": text_url}
    response = render(request, TEMPLATE, context)
    response["Content-Security-Policy"] = f"{POLICY}; frame-src 'none'; frame-ancestors 'self'"
    response["Referrer-Policy"] = "no-referrer"
    response["X-DNS-Prefetch-Control"] = "off"
    response["X-Content-Type-Options"] = "nosniff"
    return response


framed_preview_page = xframe_options_sameorigin(preview_page)


def sealed(html: str) -> str:
    """Return a document with HTML, from any source, for a sandboxed frame.

    Args:
        html: The HTML, from any source.
    """
    return DOCUMENT_START + CONNECTING.sub(r"<\1x-\2", html)
