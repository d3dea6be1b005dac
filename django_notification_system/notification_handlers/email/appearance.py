"""An email's look to its recipient."""

import posixpath
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from ...exceptions import TargetUnavailable
from ...message_types.stored import stored_of
from ...models import Notification
from ...models.reserved import is_queued_mail, is_removed
from ..preview import Preview, shown_part
from .attachments import attachment_size
from .cannot_build_message import CannotBuildMessage
from .message import (
    Body,
    addressed_message,
    attachment_paths,
    body_of,
    has_html,
    in_language_of,
    parts_with_text,
    template_name,
    with_footers,
)
from .queued_appearance import preview_of_queued
from .sender_address import sender
from .shown_headers import ATTACHMENTS_SHOWN, further_headers, headers_for_people
from .stored_attachments import names_and_sizes
from .unsubscribing import Links, links_of

TO_BE_RENDERED = _(
    "The template “%(name)s” is rendered when this is sent. Those who may change the notification"
    " see here what it makes."
)
WAS_RENDERED = _(
    "The template “%(name)s” was rendered when this was sent. What it made then is not kept."
)
IS_NOT_RENDERED = _("The template “%(name)s” is not rendered: this is not to be sent.")


def preview(notification: Notification, *, may_render: bool, with_text: bool) -> Preview:
    """Return an email as its recipient would see it; see ``DescribesItself.preview()``.

    For an email still to be sent, a template is rendered, as it would be now. For a sent email the
    template is not rendered again: the text would differ, and a link to reset a password would be
    valid.

    Args:
        notification: The notification, with record, target and user loaded.
        may_render: Whether the person may see a template's output.
        with_text: Whether an HTML email shall be shown with its text part.
    """
    if is_queued_mail(notification) and not is_removed(notification):
        return preview_of_queued(notification)
    is_pending = notification.status in Notification.PENDING_STATUSES
    # A click of whoever looks at the preview must not unsubscribe the recipient.
    links = links_of(notification, is_live=False)
    try:
        message = addressed_message(notification, sender(), links)
        body, notes = _body(notification, links, may_render=may_render, is_pending=is_pending)
        paths = attachment_paths(notification)
        attachments = [
            (posixpath.basename(path), _size(path, is_pending=is_pending))
            for path in paths[:ATTACHMENTS_SHOWN]
        ]
        stored = names_and_sizes(notification)
        attachments += stored[: ATTACHMENTS_SHOWN - len(attachments)]
        with in_language_of(notification):
            html, text = _parts(body, notification, links, with_text=with_text)
    except (CannotBuildMessage, TargetUnavailable) as error:
        shown, notes = shown_part(notification.body)
        headers = [(_("Subject"), notification.title)]
        return Preview("email", str(error), notes, headers, shown)
    return Preview(
        "email",
        notes=notes,
        headers=[
            *headers_for_people(message, to=message.to, cc=message.cc, bcc=message.bcc),
            *further_headers(message),
        ],
        text=text,
        html=html,
        attachments=attachments,
        more_attachments=len(paths) + len(stored) - len(attachments),
    )


def _body(
    notification: Notification, links: Links, *, may_render: bool, is_pending: bool
) -> tuple[Body | None, list[Any]]:
    """Return the body, or ``None`` where it must not be shown, and notes on the body."""
    if notification.rendered is None and stored_of(notification.extra, notification.body):
        return None, []  # the page says so, as of every target
    name = template_name(notification)
    if name is None:
        body = body_of(notification, links)
    elif is_pending and may_render:
        # A template may write, and a failed query would spoil a transaction of the project's.
        with transaction.atomic(using=notification._state.db):
            body = body_of(notification, links)
            transaction.set_rollback(True, using=notification._state.db)
    else:
        was_sent = notification.attempted_delivery is not None
        reason = WAS_RENDERED if was_sent else IS_NOT_RENDERED
        return None, [(TO_BE_RENDERED if is_pending else reason) % {"name": name}]
    content, notes = shown_part(body.content)
    return Body(content, body.subtype), notes


def _parts(
    body: Body | None, notification: Notification, links: Links, *, with_text: bool
) -> tuple[str, str | None]:
    """Return the HTML part, and the text part where the text shall be shown."""
    if body is None:
        return "", ""
    html, text_of = parts_with_text(body, notification)
    # A plain text costs nothing, and the HTML part was made of that text.
    shows_text = with_text or not has_html(body)
    html, text = with_footers(html, text_of() if shows_text else "", links)
    return html, text if shows_text else None


def _size(path: str, *, is_pending: bool) -> int | None:
    """Return an attachment's size; for an email not to be sent, the file may be gone by now."""
    try:
        return attachment_size(path)
    except CannotBuildMessage:
        if is_pending:
            raise
        return None
