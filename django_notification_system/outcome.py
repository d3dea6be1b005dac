"""The outcome of an attempt, in the same words for every provider."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from .models import Notification
from .models.notification import RESPONSE_MAX_LENGTH
from .printable import without_password


class OutcomeKind(enum.Enum):
    """The kinds of outcome."""

    DELIVERED = "delivered"
    RETRY = "retry"
    FAILED = "failed"
    UNKNOWN = "unknown"
    AS_SAVED = "as saved"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one attempt to deliver one notification.

    Create an outcome with ``delivered()``, ``retry()``, ``failed()`` or ``unknown()``.

    Attributes:
        notification: The attempted notification.
        result: The kind of outcome.
        response: A line for people; never with a secret, a token or a message's body.
        not_before: For a retry, the earliest time of the next attempt.
        within: For a first retry, the longest time to the next attempt.
        unreachable: Whether the provider could not be reached, or did not answer: any other message
            would fare the same.
        out_of_order: Whether the provider answered only that the service is out of order.
        is_busy: Whether the provider accepts nothing more for now, whatever the message.
        is_record_busy: Whether the record's own server accepts nothing more for now; messages to
            other records go on.
        provider_message_id: The provider's name for the accepted message.
        awaits_receipt: Whether the engine is to fetch a receipt for the message later.
        deactivate_record: Whether the address will never work again.
        opt_out: Whether the address asked to be left alone.
        hard_bounce: Whether the provider reports that the address does not exist.
        if_all_alike: The next step for people where the first addresses of a run are all refused
            so; then the target stops, and no record is switched off.
        saved_fields: The fields changed and saved by a handler in the manner of release 1.5.3.
    """

    notification: Notification
    result: OutcomeKind
    response: str
    not_before: datetime | None = None
    within: timedelta | None = None
    unreachable: bool = False
    out_of_order: bool = False
    is_busy: bool = False
    is_record_busy: bool = False
    provider_message_id: str = ""
    awaits_receipt: bool = False
    deactivate_record: bool = False
    opt_out: bool = False
    hard_bounce: bool = False
    if_all_alike: str = ""
    saved_fields: tuple[str, ...] = ()

    @property
    def is_provider_down(self) -> bool:
        """Whether the provider kept the message from going out, and not the message itself."""
        return self.unreachable or self.out_of_order

    @property
    def is_attempt(self) -> bool:
        """Whether the outcome is an attempt: a provider in trouble did not judge the message."""
        is_excused = self.is_provider_down or self.is_busy or self.is_record_busy
        return self.result is not OutcomeKind.RETRY or not is_excused

    def as_retry(self, advice: str) -> Outcome:
        """Return a refusal as a failed attempt that is tried again later; the record stays on.

        Args:
            advice: The next step for people, told behind the response.
        """
        # Whole, as later runs look for the advice at the end of stored responses.
        said = self.response[: max(0, RESPONSE_MAX_LENGTH - len(advice) - len(". "))]
        return Outcome.retry(self.notification, with_next_step(said, advice))

    @classmethod
    def delivered(
        cls,
        notification: Notification,
        response: str,
        *,
        provider_message_id: str = "",
        awaits_receipt: bool = False,
    ) -> Outcome:
        """The provider accepted the message.

        Args:
            notification: The delivered notification.
            response: A line for people about the delivery.
            provider_message_id: The provider's name for the message.
            awaits_receipt: Whether the engine is to call the handler's ``fetch_receipts()`` later
                for the message's receipt, by that name.
        """
        return cls(
            notification,
            OutcomeKind.DELIVERED,
            response,
            provider_message_id=provider_message_id,
            awaits_receipt=awaits_receipt and bool(provider_message_id),
        )

    @classmethod
    def retry(
        cls,
        notification: Notification,
        response: str,
        *,
        not_before: datetime | None = None,
        within: timedelta | None = None,
        unreachable: bool = False,
        out_of_order: bool = False,
    ) -> Outcome:
        """The message did not go out and may go out later.

        Args:
            notification: The attempted notification.
            response: The reason, for people.
            not_before: The earliest time of the next attempt, if the provider named a time. By
                default only the notification's interval counts.
            within: The longest time from the first attempt to the second, where the notification's
                own ``retry_time_interval`` is longer: a greylisting mail server accepts the mail
                then.
            unreachable: There was no connection to the provider, or the connection closed before
                the provider accepted anything: the fault is not the message's, and any other
                message would meet the same fault. Such an outcome never counts as an attempt, and
                unless another message gets through, the target is paused. Not for a server that
                serves only this address.
            out_of_order: The provider's API answered only that the service is out of order (HTTP
                5xx). As ``unreachable``, except where the provider accepts other messages of the
                same run: then the fault may be the message's, and the outcome counts as an attempt.
        """
        return cls(
            notification,
            OutcomeKind.RETRY,
            response,
            not_before=not_before,
            within=within,
            unreachable=unreachable,
            out_of_order=out_of_order,
        )

    @classmethod
    def busy(
        cls,
        notification: Notification,
        response: str,
        *,
        not_before: datetime | None = None,
        record_alone: bool = False,
    ) -> Outcome:
        """The provider wants less at a time: too many connections, too fast, too much for today.

        The answer concerns the service and not the message, so no attempt is counted. Where the
        wait is short, the run waits and tries again; else the target is paused.

        Args:
            notification: The refused notification.
            response: The provider's words.
            not_before: The time that the provider named (HTTP's ``Retry-After``), if any.
            record_alone: The answer concerns this record alone, such as a record with a server of
                its own. The notification waits until ``not_before``, or for a minute
                (``PAUSE_SECONDS``); the run goes on with other messages, and the target is not
                paused. A notification created or last attempted more than a week ago counts an
                attempt, so that no notification waits for ever.
        """
        return cls(
            notification,
            OutcomeKind.RETRY,
            response,
            not_before=not_before,
            is_busy=not record_alone,
            is_record_busy=record_alone,
        )

    @classmethod
    def failed(
        cls,
        notification: Notification,
        response: str,
        *,
        deactivate_record: bool = False,
        opt_out: bool = False,
        hard_bounce: bool = False,
        if_all_alike: str = "",
    ) -> Outcome:
        """The message will never go out: a further attempt would be refused again.

        Args:
            notification: The attempted notification.
            response: The reason, for people.
            deactivate_record: The address is bad; the notification ends as ``INACTIVE DEVICE``.
            opt_out: The address asked to be left alone; the notification ends as ``OPTED OUT``.
            hard_bounce: The address does not exist, or so it seems; after
                ``NOTIFICATION_SYSTEM["HARD_BOUNCES"]`` such outcomes the record is switched off,
                and the notification ends as ``INACTIVE DEVICE``.
            if_all_alike: The next step for people, where such refusals of all addresses mean that a
                setting is wrong: "Correct project_id." Where the first 20 addresses of a run are
                refused with the same text, the target stops, no record is switched off, and the
                messages are tried again later.
        """
        return cls(
            notification,
            OutcomeKind.FAILED,
            response,
            deactivate_record=deactivate_record or opt_out,
            opt_out=opt_out,
            hard_bounce=hard_bounce,
            if_all_alike=if_all_alike,
        )

    @classmethod
    def unknown(
        cls,
        notification: Notification,
        response: str,
        *,
        unreachable: bool = False,
        provider_message_id: str = "",
    ) -> Outcome:
        """The message was sent and no answer came: the message went out, or did not.

        The target's ``"when_unknown"`` decides about a retry.

        Args:
            notification: The attempted notification.
            response: The reason why nobody can know.
            unreachable: Whether the provider did not answer, so that the fault is not the
                message's.
            provider_message_id: The name in the provider's later reports on the message, if known:
                a report of an arrival ends the attempts.
        """
        return cls(
            notification,
            OutcomeKind.UNKNOWN,
            response,
            unreachable=unreachable,
            provider_message_id=provider_message_id,
        )

    @classmethod
    def as_saved(
        cls, notification: Notification, response: str, saved_fields: tuple[str, ...]
    ) -> Outcome:
        """A handler in the manner of release 1.5.3 has set the notification's status itself.

        Args:
            notification: The notification, with the status set by the handler.
            response: A line for people.
            saved_fields: The fields that the handler saved.
        """
        return cls(notification, OutcomeKind.AS_SAVED, response, saved_fields=saved_fields)


#: More than anybody reads, or than is stored of a response.
LONGEST_TEXT = 2000


def shortened(text: str) -> str:
    """Return a text from outside on one line; a very long text is cut after a word.

    Args:
        text: The text, of any length.
    """
    # If white space follows every character, twice the length is enough.
    line = " ".join(text[: 2 * LONGEST_TEXT].split())
    if len(line) <= LONGEST_TEXT and len(text) <= 2 * LONGEST_TEXT:
        return line
    # A word cut in the middle could no longer be recognised as an address or a secret.
    words, _, _ = line[: LONGEST_TEXT + 1].rpartition(" ")
    return f"{words} …" if words else "…"


def one_line(error: BaseException) -> str:
    """Return an error for people, on one line: its type and its text.

    Args:
        error: The error.
    """
    said = without_password(shortened(str(error)))
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


#: The end of a sentence, perhaps within brackets or quotation marks.
SENTENCE_END = re.compile(r"""[.!?…][)\]"'”“»]*\Z""")


def with_next_step(said: str, next_step: str) -> str:
    """Return an answer with the next step behind it: the answer's sentence ends before.

    Args:
        said: The answer for people, such as a provider's words, which may end without a full stop.
        next_step: The next step for people, one or more sentences; may be empty.
    """
    if not said or not next_step:
        return said or next_step
    stop = "" if SENTENCE_END.search(said) else "."
    return f"{said}{stop} {next_step}"


class ReceiptResult(enum.Enum):
    """The meaning of a receipt for the message."""

    #: The message is on its way.
    PROGRESS = "progress"
    #: The message has arrived.
    CONFIRMED = "confirmed"
    #: The message has not arrived, and will not arrive.
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A provider's later report on one message.

    Attributes:
        provider_message_id: The provider's name for the message, as in the handler's
            ``Outcome.delivered()``.
        provider_status: The provider's own word for the status; 50 characters are kept.
        result: The meaning of the status.
        response: A line for people; never with a secret, a token or a message's body.
        at: The moment of the status; by default now. A time before the attempt, or more than five
            minutes from now, counts as none.
        deactivate_record: Whether the address will never work again.
        opt_out: Whether the address asked to be left alone.
        hard_bounce: Whether the provider reports that the address does not exist.
        address: The address in the provider's report. With an address, a record is switched off
            only if the record still has the same address; without one, only if nobody has changed
            the record since the message was sent.
        if_all_alike: The next step for people where the first receipts of a fetch all say so; then
            the messages have failed, and no record is switched off.
    """

    provider_message_id: str
    provider_status: str
    result: ReceiptResult
    response: str = ""
    at: datetime | None = None
    deactivate_record: bool = False
    opt_out: bool = False
    hard_bounce: bool = False
    address: str = ""
    if_all_alike: str = ""
