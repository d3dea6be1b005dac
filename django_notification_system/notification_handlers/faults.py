"""The frame of all fault tables: verdicts, rows, and their outcomes.

A provider's ``faults.py`` has the table, its ``outcomes.py`` the words for people.
"""

import logging
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any, Generic, TypedDict, TypeVar

from django.utils.translation import gettext

from ..exceptions import TargetUnavailable
from ..models import Notification
from ..observing.log import log_fields
from .base import Outcome, with_next_step
from .retry_after import not_before

logger = logging.getLogger("django_notification_system")

TroubleT = TypeVar("TroubleT")
RowT = TypeVar("RowT", bound="Row[Any]")


NOBODY_KNOWS = "(The request was sent: the message went out, or it did not.)"


class NoAnswer(Enum):
    """Why a request got no answer."""

    #: The settings allow no request.
    NO_REQUEST = "no request"
    #: The certificate is not trusted, or is another host's.
    NOT_TRUSTED = "not trusted"
    #: No connection was made, so nothing was written.
    NOT_CONNECTED = "not connected"
    #: The request was written, wholly or in part.
    LOST = "lost"


#: In a table, in place of an HTTP status: how far a request had come.
NO_REQUEST = NoAnswer.NO_REQUEST.value
NOT_TRUSTED = NoAnswer.NOT_TRUSTED.value
NOT_CONNECTED = NoAnswer.NOT_CONNECTED.value
LOST = NoAnswer.LOST.value


class Verdict(Enum):
    """The consequence of a fault; the value is for people."""

    RETRY = "tried again"
    UNREACHABLE = "waits for the provider; no attempt is counted"
    BUSY = "waits as long as the provider asks; no attempt is counted"
    RECORD_BUSY = "waits as long as asked, and other messages go on; no attempt is counted"
    RECORD_DOWN = "tried again; where a time is named, waits until then, and no attempt is counted"
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
        answers: HTTP statuses, ``"5xx"`` for a hundred of them, or words in place of a status, such
            as ``LOST``; empty: any answer or none.
        hint: The next step for the project's people, marked by ``gettext_noop`` where the verdict
            is ``STOPS``. Of other rows the hint is a part of the response, and is not translated.
        if_all_alike: The next step where the first 20 addresses of a run have the fault, marked by
            ``gettext_noop``: then the target stops, and no record is switched off. For faults that
            a wrong setting gives to every address.
    """

    name: str
    what: str
    verdict: Verdict
    source: str
    answers: tuple[str, ...] = ()
    hint: str = ""
    if_all_alike: str = ""

    @property
    def told_answer(self) -> str:
        """The row's answers, for people; a table with more conditions adds the conditions."""
        if not self.answers:
            return "any other"
        return ("HTTP " if self.answers[0][0].isdigit() else "") + either(self.answers)

    @property
    def consequence(self) -> str:
        """The row's consequence, for people."""
        if not self.if_all_alike:
            return self.verdict.value
        return f"{self.verdict.value}; stops the target where a run's first 20 records all have it"

    @abstractmethod
    def fits(self, trouble: TroubleT) -> bool:
        """Return whether the row describes a trouble.

        Args:
            trouble: The trouble, in the table's own form.
        """


def either(words: Sequence[str]) -> str:
    """Return words as a choice for people: ``a, b or c``.

    Args:
        words: The words, at least one.
    """
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def first_fitting(faults: Iterable[RowT], trouble: Any) -> RowT:
    """Return a table's first row that describes a trouble.

    Args:
        faults: The table; the last row describes any trouble.
        trouble: The trouble.
    """
    return next(fault for fault in faults if fault.fits(trouble))


def classified(
    faults: Iterable[RowT], trouble: Any, target: str, notification: Notification | None = None
) -> RowT:
    """Return a table's first row that describes a trouble, and log the row's name.

    Args:
        faults: The table; the last row describes any trouble.
        trouble: The trouble.
        target: The target, for people.
        notification: The attempted notification; ``None`` where the trouble is of several.
    """
    fault = first_fitting(faults, trouble)
    log_fault(fault, target, notification)
    return fault


def log_fault(fault: Row[Any], target: str, notification: Notification | None = None) -> None:
    """Log a row's name, for people who look why a message was not sent.

    Args:
        fault: The row.
        target: The target, for people.
        notification: The attempted notification; ``None`` where the trouble is of several.
    """
    fields = log_fields(notification=notification, fault=fault.name)
    logger.debug("%s: %s.", target, fault.name, extra=fields)


def no_connection(
    row: Callable[..., RowT], *, verdict: Verdict = Verdict.UNREACHABLE, **values: Any
) -> RowT:
    """Return the row of a request for which no connection comes about.

    Args:
        row: The table's class of rows, with ``answers``.
        verdict: The consequence; by default the provider is one for all records.
        values: The row's other values.
    """
    what = "No connection comes about: refused, no such host, no route, no TLS."
    values = {"name": "no connection", "what": what, "answers": (NOT_CONNECTED,), **values}
    return row(verdict=verdict, **values)


def no_answer_behind_gateway(row: Callable[..., RowT], **values: Any) -> RowT:
    """Return the row of a gateway's answer: the provider behind it may have the message.

    Args:
        row: The table's class of rows, with ``answers``.
        values: The row's other values.
    """
    return row(
        name="no answer behind the gateway",
        what="A gateway got no answer from behind it, or none that it understood.",
        answers=("502", "504"),
        verdict=Verdict.UNKNOWN,
        source="RFC 9110, sections 15.6.3, 15.6.5",
        **values,
    )


def no_answer(row: Callable[..., RowT], **values: Any) -> RowT:
    """Return the row of a request that was sent, and got no answer.

    Args:
        row: The table's class of rows, with ``answers``.
        values: The row's other values.
    """
    what = "The request was sent, and no answer came, or none that was whole in time."
    source = "RFC 9110, section 9.2.2"
    values = {"what": what, "answers": (LOST,), "source": source, **values}
    return row(name="no answer", verdict=Verdict.UNKNOWN, **values)


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
    """Return a verdict's words about the record's address.

    Args:
        verdict: The verdict.
    """
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
    if_all_alike: str = "",
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
        if_all_alike: The row's.

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
        case Verdict.RECORD_BUSY:
            return Outcome.busy(notification, response, not_before=wait_until, record_alone=True)
        case Verdict.RECORD_DOWN if wait_until is not None:
            return Outcome.busy(notification, response, not_before=wait_until, record_alone=True)
        case (
            Verdict.RETRY
            | Verdict.RECORD_DOWN
            | Verdict.UNREACHABLE
            | Verdict.OUT_OF_ORDER
            | Verdict.SPLIT_RETRY
        ):
            return Outcome.retry(
                notification,
                response,
                not_before=wait_until,
                within=within,
                unreachable=verdict is Verdict.UNREACHABLE,
                out_of_order=verdict is Verdict.OUT_OF_ORDER,
            )
        case _:
            return Outcome.failed(
                notification,
                response,
                **about_address(verdict),
                if_all_alike=if_all_alike and gettext(if_all_alike),
            )


def outcome_of_fault(
    notification: Notification,
    fault: Row[Any],
    response: str,
    headers: Mapping[str, str] | None = None,
    *,
    advice: str = "",
    retry_after: str | None = None,
) -> Outcome:
    """Return the outcome of a message that an HTTP API did not take, by the row of its fault.

    Args:
        notification: The attempted notification.
        fault: The row.
        response: The fault for people.
        headers: The answer's headers; ``Retry-After`` may name a time.
        advice: The next step where the target stops and the row has no hint, marked by
            ``gettext_noop``.
        retry_after: The time where the answer names none, as in ``Retry-After``.

    Raises:
        TargetUnavailable: When the provider refuses the project, and not the message.
    """
    if fault.verdict is Verdict.STOPS:
        raise TargetUnavailable(with_next_step(response, gettext(fault.hint or advice)))
    if fault.hint:
        response = f"{response} ({fault.hint})"
    return outcome_of(
        notification,
        fault.verdict,
        response,
        nobody_knows=f"{response} {NOBODY_KNOWS}",
        retry_after=(headers or {}).get("Retry-After") or retry_after,
        if_all_alike=fault.if_all_alike,
    )
