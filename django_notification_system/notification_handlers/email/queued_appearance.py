"""A queued mail as its recipient would see it, for the admin."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ...models import Notification
from ..preview import Preview, shown_part
from .cannot_build_message import CannotBuildMessage
from .queued_mail import QueuedBytes
from .stored_attachments import names_and_sizes
from .unpack import recipients_of, unpack

#: How many attachments are shown.
ATTACHMENTS_SHOWN = 20
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
    addresses = (
        (pgettext_lazy("email", "From"), [str(message.from_email)]),
        (pgettext_lazy("email", "To"), recipients["to"]),
        (_("Cc"), recipients["cc"]),
        (_("Bcc"), recipients["bcc"]),
        (_("Reply-To"), message.reply_to),
    )
    headers = [(name, ", ".join(values)) for name, values in addresses if values]
    headers.append((_("Subject"), str(message.subject)))
    if isinstance(message, QueuedBytes):
        return Preview("email", notes=[IS_BYTES], headers=headers)
    is_html = message.content_subtype == "html"
    html = next(
        (str(content) for content, kind in message.alternatives if kind == "text/html"),
        str(message.body) if is_html else "",
    )
    text, notes = shown_part("" if is_html else str(message.body))
    html, more_notes = shown_part(html)
    files = names_and_sizes(notification)
    return Preview(
        "email",
        notes=[*notes, *more_notes],
        headers=[
            *headers,
            *((str(name), str(value)) for name, value in message.extra_headers.items()),
        ],
        text=None if is_html else text,
        html=html,
        attachments=files[:ATTACHMENTS_SHOWN],
        more_attachments=max(0, len(files) - ATTACHMENTS_SHOWN),
    )
