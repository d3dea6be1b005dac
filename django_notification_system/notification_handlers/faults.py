"""What the tables of faults have in common: one is of emails, one of Twilio, one of Expo."""

from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

VerdictT = TypeVar("VerdictT", bound=Enum)


@dataclass(frozen=True, kw_only=True)
class Row(Generic[VerdictT]):
    """A row of a table; what else it has tells whether it fits what has happened.

    Attributes:
        name: Its name, unique in the table.
        what: What has happened, for people.
        verdict: What comes of it.
        source: Where it is written that it is so.
    """

    name: str
    what: str
    verdict: VerdictT
    source: str


def fits_status(pattern: str, answer: str) -> bool:
    """Tell whether an answer is one that a row names.

    Args:
        pattern: An HTTP status, ``"5xx"`` for all of a kind, or a word in place of one.
        answer: The HTTP status, or the word.
    """
    return answer[:1] == pattern[0] if pattern.endswith("xx") else answer == pattern
