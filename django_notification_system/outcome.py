"""What came of one attempt, in words that are the same for every provider."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .models import Notification
from .printable import without_password

if TYPE_CHECKING:
    from .models import Notification


class OutcomeKind(enum.Enum):
    """The kinds of outcome."""

    DELIVERED = "delivered"
    RETRY = "retry"
    FAILED = "failed"
    UNKNOWN = "unknown"
    AS_SAVED = "as saved"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt to deliver one notification.

    Make one with ``delivered()``, ``retry()``, ``failed()`` or ``unknown()``.

    Attributes:
        notification: What was attempted.
        result: The kind of outcome.
        response: A line for people; never with a secret, a token or a message's body.
        not_before: For a retry, the earliest time of the next attempt.
        within: For a first retry, the longest time to the next attempt.
        unreachable: Whether the provider could not be reached, or did not answer: any other message
            would meet the same.
        out_of_order: Whether the provider answered, and said no more than that it is out of order.
        is_busy: Whether the provider wants nothing more for now, whatever the message.
        provider_message_id: The provider's name for the message it took.
        awaits_receipt: Whether the provider is to be asked later what became of the message.
        deactivate_record: Whether the address will never work again.
        opt_out: Whether the address asked to be left alone.
        hard_bounce: Whether the provider says that there is no such address.
        saved_fields: What a handler in the manner of release 1.5.3 has changed and saved.
    """

    notification: Notification
    result: OutcomeKind
    response: str
    not_before: datetime | None = None
    within: timedelta | None = None
    unreachable: bool = False
    out_of_order: bool = False
    is_busy: bool = False
    provider_message_id: str = ""
    awaits_receipt: bool = False
    deactivate_record: bool = False
    opt_out: bool = False
    hard_bounce: bool = False
    saved_fields: tuple[str, ...] = ()

    @property
    def is_provider_down(self) -> bool:
        """Whether it was the provider that kept the message from going out, and not the message."""
        return self.unreachable or self.out_of_order

    @property
    def is_attempt(self) -> bool:
        """Whether an attempt was made: what a provider in trouble did not look at is none."""
        return self.result is not OutcomeKind.RETRY or not (self.is_provider_down or self.is_busy)

    @classmethod
    def delivered(
        cls,
        notification: Notification,
        response: str,
        *,
        provider_message_id: str = "",
        awaits_receipt: bool = False,
    ) -> Outcome:
        """The provider took the message.

        Args:
            notification: What was delivered.
            response: That it was.
            provider_message_id: The provider's name for the message.
            awaits_receipt: The handler's ``fetch_receipts()`` is to be asked, by that name, what
                became of the message.
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
        """It did not go out and may go out later.

        Args:
            notification: What was attempted.
            response: Why it did not go out.
            not_before: The earliest time of the next attempt, where the provider named one. By
                default its interval counts alone.
            within: No later than so long after the first attempt, where a notification's own
                ``retry_time_interval`` is longer: a mail server that greylists takes the mail then.
            unreachable: There was no connection to the provider, or it closed before it accepted
                anything: the fault is not the message's, and any other would meet it too. It never
                counts as an attempt, and where no other message gets through the target is paused.
                Not for a server that serves this one address.
            out_of_order: All that the provider's API says is that it is out of order (HTTP 5xx).
                As ``unreachable``, except where the provider takes others of the same run: there
                the fault may be the message's, and this is an attempt.
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
        cls, notification: Notification, response: str, *, not_before: datetime | None = None
    ) -> Outcome:
        """The provider wants less at a time: too many connections, too fast, too much for today.

        The answer concerns the service and not the message, so no attempt is counted. Where the
        wait is short, the run waits and tries again; else the target is paused.

        Args:
            notification: What was refused with it.
            response: The provider's words.
            not_before: The time that the provider named (HTTP's ``Retry-After``), if it did.
        """
        return cls(notification, OutcomeKind.RETRY, response, not_before=not_before, is_busy=True)

    @classmethod
    def failed(
        cls,
        notification: Notification,
        response: str,
        *,
        deactivate_record: bool = False,
        opt_out: bool = False,
        hard_bounce: bool = False,
    ) -> Outcome:
        """It never will go out: trying again would be refused again.

        Args:
            notification: What was attempted.
            response: Why it was refused.
            deactivate_record: The address is no good; it ends as ``INACTIVE DEVICE``.
            opt_out: The address asked to be left alone; it ends as ``OPTED OUT``.
            hard_bounce: There is no such address, or so it seems; the record is switched off, and
                the notification ends as ``INACTIVE DEVICE``, after
                ``NOTIFICATION_SYSTEM["HARD_BOUNCES"]`` of these.
        """
        return cls(
            notification,
            OutcomeKind.FAILED,
            response,
            deactivate_record=deactivate_record or opt_out,
            opt_out=opt_out,
            hard_bounce=hard_bounce,
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
        """The message was handed over and no answer came: it went out, or it did not.

        The target's ``"when_unknown"`` decides whether it is tried again.

        Args:
            notification: What was attempted.
            response: Why nobody can know.
            unreachable: It was the provider that did not answer, and no fault of the message's.
            provider_message_id: The name by which the provider may yet report of the message,
                where that is known: a report that it arrived ends the attempts.
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
        """A handler in the manner of release 1.5.3 has set the notification's status itself."""
        return cls(notification, OutcomeKind.AS_SAVED, response, saved_fields=saved_fields)


#: More than anybody reads, or than is stored of a response.
LONGEST_TEXT = 2000


def shortened(text: str) -> str:
    """Return a text from outside on one line, cut after a word where it is longer than is read."""
    # Where each character is followed by white space, twice as many are enough.
    line = " ".join(text[: 2 * LONGEST_TEXT].split())
    if len(line) <= LONGEST_TEXT and len(text) <= 2 * LONGEST_TEXT:
        return line
    # Not in the middle of a word, of which nobody could tell any more what is in it.
    words, _, _ = line[: LONGEST_TEXT + 1].rpartition(" ")
    return f"{words} …" if words else "…"


def one_line(error: BaseException) -> str:
    """Return an error for people, on one line: its type and what it says."""
    said = without_password(shortened(str(error)))
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


class ReceiptResult(enum.Enum):
    """What a receipt says of its message."""

    #: It is on its way.
    PROGRESS = "progress"
    #: It has arrived.
    CONFIRMED = "confirmed"
    #: It has not arrived, and will not.
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A provider's later word on one message.

    Attributes:
        provider_message_id: The provider's name for the message, as its handler gave it in
            ``Outcome.delivered()``.
        provider_status: What the provider says, in its own word; 50 characters of it are kept.
        result: What that means.
        response: A line for people; never with a secret, a token or a message's body.
        at: When it came to be so; by default now. A time before the attempt, or more than five
            minutes from now, counts as none.
        deactivate_record: Whether the address will never work again.
        opt_out: Whether the address asked to be left alone.
        hard_bounce: Whether the provider says that there is no such address.
        address: The address that the provider names. With it a record is switched off only if
            that is its address still; without it, only if nobody has changed the record since the
            message was sent.
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
