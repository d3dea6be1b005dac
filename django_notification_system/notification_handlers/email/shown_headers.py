"""The headers of a mail for people who look at the mail, and the limit of shown attachments."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.mail import EmailMessage
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

#: How many attachments are shown: a storage may be asked for every shown file's size.
ATTACHMENTS_SHOWN = 20


def headers_for_people(
    message: EmailMessage, *, to: Sequence[str], cc: Sequence[str], bcc: Sequence[str]
) -> list[tuple[Any, str]]:
    """Return the sender, the recipients and the subject, each with its name for people.

    Args:
        message: The mail.
        to: The recipients, and so the following; a queued mail keeps them beside the message.
        cc: Those in copy.
        bcc: Those in blind copy.
    """
    addresses = (
        (pgettext_lazy("email", "From"), [str(message.from_email)]),
        (pgettext_lazy("email", "To"), to),
        (_("Cc"), cc),
        (_("Bcc"), bcc),
        (_("Reply-To"), message.reply_to),
    )
    named = [(name, ", ".join(values)) for name, values in addresses if values]
    return [*named, (_("Subject"), str(message.subject))]


def further_headers(message: EmailMessage) -> Iterator[tuple[str, str]]:
    """Yield the mail's own headers.

    Args:
        message: The mail.
    """
    for name, value in message.extra_headers.items():
        yield str(name), str(value)
