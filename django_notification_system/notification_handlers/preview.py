"""A message as its recipient would see it: the return value of a handler's ``preview()``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

#: How many characters of a message are shown: a browser can do no more with a longer text, and the
#: page takes several times as much memory.
CHARACTERS_SHOWN = 200_000
IS_CUT = _("Only the beginning is shown: the message is too large for this page.")


@dataclass(frozen=True)
class Preview:
    """The message on the admin's page of a notification. The page runs no code in the message.

    Attributes:
        kind: The page's look: ``"email"`` has headers and parts; ``"sms"``, ``"push"`` and
            ``"message"`` are a telephone with one text; ``"page"`` is ``html`` alone.
        problem: Why the message could not be sent now, or an empty text.
        notes: Why the page does not show the whole message.
        headers: An email's headers, by name.
        text: The text of the message, or of an email's text part; ``None`` for a text part made of
            the HTML part and not asked for.
        html: An email's HTML part, or a page, shown in a sandboxed frame.
        title: A title, such as a push message's.
        subtitle: A push message's subtitle.
        attachments: The names of an email's files, and their sizes in bytes; ``None`` for a size
            that the storage does not know.
        more_attachments: How many further files the email has.
    """

    kind: str = "message"
    problem: str = ""
    notes: Sequence[Any] = ()
    headers: Sequence[tuple[Any, str]] = ()
    text: str | None = ""
    html: str = ""
    title: str = ""
    subtitle: str = ""
    attachments: Sequence[tuple[str, int | None]] = ()
    more_attachments: int = 0


def shown_part(text: str) -> tuple[str, list[Any]]:
    """Return the shown part of a text, and a note where the text is longer.

    Args:
        text: The text, of any length.
    """
    if len(text) <= CHARACTERS_SHOWN:
        return text, []
    return text[:CHARACTERS_SHOWN], [IS_CUT]
