"""The frame of the fault tables for email, Twilio and Expo: verdicts, rows, and their outcomes.

A provider's ``faults.py`` has the table, its ``outcomes.py`` the words for people.
"""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any, Generic, TypedDict, TypeVar

from ..exceptions import TargetUnavailable
from ..models import Notification
from .base import Outcome
from .retry_after import not_before

TroubleT = TypeVar("TroubleT")
RowT = TypeVar("RowT", bound="Row[Any]")


class Verdict(Enum):
    """The consequence of a fault; the value is for people."""

    RETRY = "tried again"
    UNREACHABLE = "waits for the provider; no attempt is counted"
    BUSY = "waits as long as the provider asks; no attempt is counted"
    OUT_OF_ORDER = "waits for the provider; an attempt only where others get through"
    UNKNOWN = "unknown: ``when_unknown`` decides"
    SPLIT = "sent again in parts; alone, fails for good"
    SPLIT_RETRY = "sent again in parts; alone, tried again"
    FAILED = "fails for good"
    HARD_BOUNCE = "fails for good; a hard bounce of the record"
    ADDRESS_GONE = "fails for good; the record is switched off"
    OPTED_OUT = "fails for good; an opt-out of the record"
    SENDER_DOUBTED = "stops the target if nothing else of the run gets through; else fails for good"
    STOPS = "stops the target; no attempt is counted"


@dataclass(frozen=True, kw_only=True)
class Row(Generic[TroubleT]):
    """A row of a fault table; the table's own class adds the conditions.

    Attributes:
        name: The row's name, unique in the table.
        what: The fault, for people.
        verdict: The consequence.
        source: Where the provider, a standard or a library documents the fault.
    """

    name: str
    what: str
    verdict: Verdict
    source: str

    @abstractmethod
    def fits(self, trouble: TroubleT) -> bool:
        """Return whether the row describes a trouble."""


def first_fitting(faults: Iterable[RowT], trouble: Any) -> RowT:
    """Return a table's first row that describes a trouble.

    Args:
        faults: The table; the last row describes any trouble.
        trouble: The trouble.
    """
    return next(fault for fault in faults if fault.fits(trouble))


def fits_status(pattern: str, answer: str) -> bool:
    """Return whether an answer fits a row's pattern.

    Args:
        pattern: An HTTP status, ``"5xx"`` for a hundred of them, or a word.
        answer: The HTTP status, or the word.
    """
    return answer[:1] == pattern[0] if pattern.endswith("xx") else answer == pattern


class AboutAddress(TypedDict):
    """Words about the record's address, in an ``Outcome`` and in a ``Receipt``."""

    deactivate_record: bool
    opt_out: bool
    hard_bounce: bool


def about_address(verdict: Verdict) -> AboutAddress:
    """Return a verdict's words about the record's address."""
    return {
        "deactivate_record": verdict is Verdict.ADDRESS_GONE,
        "opt_out": verdict is Verdict.OPTED_OUT,
        "hard_bounce": verdict is Verdict.HARD_BOUNCE,
    }


def outcome_of(
    notification: Notification,
    verdict: Verdict,
    response: str,
    *,
    nobody_knows: str,
    retry_after: str | None = None,
    within: timedelta | None = None,
    message_id: str = "",
) -> Outcome:
    """Return the outcome of a message that could not be sent.

    Args:
        notification: The attempted notification.
        verdict: The fault's.
        response: The fault for people.
        nobody_knows: The response where the message may have gone out.
        retry_after: The answer's header ``Retry-After``, if any.
        within: The longest time to the next attempt.
        message_id: The name by which the provider may still report on the message.

    Raises:
        TargetUnavailable: With the response, when the provider refuses the project.
    """
    wait_until = not_before(retry_after)
    match verdict:
        case Verdict.STOPS:
            raise TargetUnavailable(response)
        case Verdict.UNKNOWN:
            return Outcome.unknown(
                notification, nobody_knows, unreachable=True, provider_message_id=message_id
            )
        case Verdict.BUSY:
            return Outcome.busy(notification, response, not_before=wait_until)
        case Verdict.OUT_OF_ORDER if wait_until is not None:
            return Outcome.busy(notification, response, not_before=wait_until)
        case Verdict.RETRY | Verdict.UNREACHABLE | Verdict.OUT_OF_ORDER | Verdict.SPLIT_RETRY:
            return Outcome.retry(
                notification,
                response,
                not_before=wait_until,
                within=within,
                unreachable=verdict is Verdict.UNREACHABLE,
                out_of_order=verdict is Verdict.OUT_OF_ORDER,
            )
        case _:
            return Outcome.failed(notification, response, **about_address(verdict))
