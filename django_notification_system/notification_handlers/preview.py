"""What a handler's ``preview()`` returns: a message as its recipient would see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

#: How much of a message is shown, in characters: a browser can do no more with it, and the page
#: takes several times as much memory.
CHARACTERS_SHOWN = 200_000
IS_CUT = _("Only the beginning is shown: the message is too large for this page.")


@dataclass(frozen=True)
class Preview:
    """What the admin's page of a notification shows. The page lets nothing of it act.

    Attributes:
        kind: How the page looks: ``"email"`` has headers and parts; ``"sms"``, ``"push"`` and
            ``"message"`` are a telephone with one text.
        problem: Why the message could not be sent as it is.
        notes: Why the page does not show all of the message.
        headers: An email's, by name.
        text: The text of the message, or of an email's text part; ``None`` where that is made of
            the HTML part and was not asked for.
        html: An email's HTML part, which the page shows in a sandboxed frame.
        title: A push message's title, for instance.
        subtitle: A push message's.
        attachments: The names of an email's files, and how large they are, in bytes; ``None``
            where the storage does not tell.
        more_attachments: How many files the email has beside these.
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
    """Return as much of a text as the page shows, and a note where that is not all."""
    if len(text) <= CHARACTERS_SHOWN:
        return text, []
    return text[:CHARACTERS_SHOWN], [IS_CUT]
