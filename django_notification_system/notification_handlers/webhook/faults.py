"""The faults of receivers and their outcomes: one table classifies all answers.

Each record has a server of its own, so no answer stops or pauses the target. The documentation's
page ``webhook_outcomes`` is made from the same rows.
"""

from dataclasses import dataclass

from ...models import Notification
from ..faults import (
    NO_REQUEST,
    NOT_TRUSTED,
    Row,
    Verdict,
    classified,
    fits_status,
    no_connection,
)

NOT_PUBLIC = "not public"

#: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
STANDARD = "Standard Webhooks"
OPERATIONS = f"{STANDARD}: Operational considerations"


@dataclass(frozen=True, kw_only=True)
class Fault(Row["Trouble"]):
    """A row of the table."""

    @property
    def told_answer(self) -> str:
        """The answers that the row describes, for people; the last row is for silence, too."""
        return super().told_answer if self.answers else "any other, or none"

    def fits(self, trouble: "Trouble") -> bool:
        """Return whether the row describes a trouble."""
        return not self.answers or any(fits_status(each, trouble.answer) for each in self.answers)


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A receiver's refusal, or its silence.

    Attributes:
        answer: The HTTP status, or one of the words above.
    """

    answer: str


#: The first fitting row counts.
FAULTS = (
    Fault(
        name="receiver gone",
        what="The receiver wants no webhooks any more.",
        answers=("410",),
        verdict=Verdict.ADDRESS_GONE,
        source=OPERATIONS,
    ),
    Fault(
        name="too many webhooks",
        what="The receiver wants fewer at a time.",
        answers=("429",),
        verdict=Verdict.RECORD_BUSY,
        source=f"{OPERATIONS}; RFC 6585, section 4",
    ),
    Fault(
        name="request not in time",
        what="The request did not reach the receiver in time.",
        answers=("408",),
        verdict=Verdict.RETRY,
        source="RFC 9110, section 15.5.9",
    ),
    Fault(
        name="receiver down",
        what="The receiver has a fault, or is being mended.",
        answers=("5xx",),
        verdict=Verdict.RECORD_DOWN,
        source=OPERATIONS,
    ),
    Fault(
        name="redirect",
        what="The receiver is elsewhere. A redirect is never followed: it could lead into a private"
        " network.",
        answers=("3xx",),
        verdict=Verdict.RETRY,
        source=f"{STANDARD}: Server side request forgery (SSRF)",
    ),
    Fault(
        name="refused",
        what="The receiver refuses the webhook, the signature too. Receivers are deployed with"
        " faults and mended, so it is tried again.",
        answers=("4xx",),
        verdict=Verdict.RETRY,
        source=OPERATIONS,
    ),
    Fault(
        name="private network",
        what="The URL's host is in a private network, or on this machine. Nothing was sent.",
        answers=(NOT_PUBLIC,),
        verdict=Verdict.FAILED,
        source=f"{STANDARD}: Server side request forgery (SSRF)",
        hint='Correct the record\'s URL, or set "allow_private" for URLs of your own.',
    ),
    no_connection(
        Fault,
        what="No connection comes about: no such host, refused, no route, no TLS.",
        verdict=Verdict.RETRY,
        source=OPERATIONS,
    ),
    Fault(
        name="certificate not trusted",
        what="The receiver's certificate is not to be trusted, has run out, or is another host's.",
        answers=(NOT_TRUSTED,),
        verdict=Verdict.RETRY,
        source="RFC 9110, section 4.3.4",
    ),
    Fault(
        name="no request",
        what="The record's URL makes no request.",
        answers=(NO_REQUEST,),
        verdict=Verdict.FAILED,
        source="requests: exceptions",
    ),
    Fault(
        name="no answer",
        what="The webhook was sent, and no answer came, or none that was whole in time. The"
        " receiver knows a repeated webhook by its ``webhook-id``, so it is sent again.",
        verdict=Verdict.RETRY,
        source=f"{STANDARD}: Webhook headers",
    ),
)


def classify(trouble: Trouble, notification: Notification | None = None) -> Fault:
    """Return the table's first row that describes a trouble.

    Args:
        trouble: The trouble.
        notification: The attempted notification, for the log; ``None`` for several, or a receipt.
    """
    return classified(FAULTS, trouble, "Webhook", notification)
