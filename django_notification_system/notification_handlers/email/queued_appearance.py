"""A queued mail as its recipient would see it, for the admin."""

from django.utils.translation import gettext_lazy as _

from ...models import Notification
from ..preview import Preview, shown_part
from .cannot_build_message import CannotBuildMessage
from .queued_mail import QueuedBytes
from .shown_headers import ATTACHMENTS_SHOWN, further_headers, headers_for_people
from .stored_attachments import names_and_sizes
from .unpack import recipients_of, unpack

IS_BYTES = _("A class of the project's own has written this mail. Only its envelope is shown.")


def preview_of_queued(notification: Notification) -> Preview:
    """Return a queued mail for the admin; no attachment is read.

    Args:
        notification: The notification, with record loaded.
    """
    try:
        message = unpack(notification)
        recipients = recipients_of(notification)
    except CannotBuildMessage as error:
        text, notes = shown_part(notification.body)
        return Preview("email", str(error), notes, [(_("Subject"), notification.title)], text)
    headers = headers_for_people(message, **recipients)
    if isinstance(message, QueuedBytes):
        return Preview("email", notes=[IS_BYTES], headers=headers)
    is_html = message.content_subtype == "html"
    others = [(str(content), str(kind)) for content, kind in message.alternatives]
    if is_html:
        others.insert(0, (str(message.body), "text/html"))
    first = next(
        (place for place, (_content, kind) in enumerate(others) if kind == "text/html"), -1
    )
    html = others.pop(first)[0] if first >= 0 else ""
    text, notes = shown_part("" if is_html else str(message.body))
    html, more_notes = shown_part(html)
    files = names_and_sizes(notification)
    return Preview(
        "email",
        notes=notes or more_notes,
        headers=[
            *headers,
            *further_headers(message),
            *((_("Alternative"), kind) for _content, kind in others),
        ],
        text=text,
        html=html,
        attachments=files[:ATTACHMENTS_SHOWN],
        more_attachments=max(0, len(files) - ATTACHMENTS_SHOWN),
    )
