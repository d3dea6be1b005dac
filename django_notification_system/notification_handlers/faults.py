"""Common parts of the fault tables for email, Twilio and Expo."""

from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

VerdictT = TypeVar("VerdictT", bound=Enum)


@dataclass(frozen=True, kw_only=True)
class Row(Generic[VerdictT]):
    """A row of a fault table; the table's own class adds the conditions.

    Attributes:
        name: The row's name, unique in the table.
        what: The fault, for people.
        verdict: The outcome.
        source: Where the provider, a standard or a library documents the fault.
    """

    name: str
    what: str
    verdict: VerdictT
    source: str


def fits_status(pattern: str, answer: str) -> bool:
    """Return whether an answer fits a row's pattern.

    Args:
        pattern: An HTTP status, ``"5xx"`` for a hundred of them, or a word.
        answer: The HTTP status, or the word.
    """
    return answer[:1] == pattern[0] if pattern.endswith("xx") else answer == pattern
