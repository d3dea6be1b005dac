"""Expo's faults and their outcomes: one table classifies errors, tickets and receipts.

The documentation's page ``expo_outcomes`` is made from the same rows.
"""

from dataclasses import dataclass
from enum import Enum

from django.utils.translation import gettext_noop

from ...models import Notification
from ..faults import (
    NO_REQUEST,
    NOT_TRUSTED,
    Row,
    Verdict,
    classified,
    fits_status,
    no_answer,
    no_answer_behind_gateway,
    no_connection,
)
from ..http.session import CORRECT_CERTIFICATES

NOT_WRITTEN = "not written"

#: In place of Expo's names of errors.
ANY_ERROR = "any error"

#: Expo's name for a device that cannot receive any more.
DEVICE_NOT_REGISTERED = "DeviceNotRegistered"
#: All messages of a request must be for one project; the details list the tokens by project.
TOO_MANY_PROJECTS = "PUSH_TOO_MANY_EXPERIENCE_IDS"

#: The page "Send notifications with Expo's Push API" of Expo's documentation.
#: https://docs.expo.dev/push-notifications/sending-notifications/
TICKETS = "Expo: Push ticket errors"
RECEIPTS = "Expo: Push receipt errors"
REQUESTS = "Expo: Request errors"
RETRIES = "Expo: Retry on failure"
SECURITY = "Expo: Additional security"

CORRECT_CREDENTIALS = gettext_noop(
    "This is a configuration error: correct the credentials for Apple and Google in the Expo"
    " project."
)
OTHER_APP = gettext_noop(
    "See that the Expo project's credentials for Apple and Google are those of this app."
)
OTHER_PROJECT = gettext_noop(
    "See that the push tokens are those of this Expo project's app, and that access_token is this"
    " project's."
)


class Part(Enum):
    """The part of Expo's answer with the fault; the value is for people."""

    REQUEST = "a request"
    TICKET = "a message's ticket"
    RECEIPT = "a message's receipt"


@dataclass(frozen=True, kw_only=True)
class Fault(Row["Trouble"]):
    """A row of the table.

    Attributes:
        part: The part of Expo's answer with the fault.
        errors: Expo's names of errors, at least one of them reported; empty: any name or none.
    """

    part: Part
    errors: tuple[str, ...] = ()

    @property
    def consequence(self) -> str:
        """The row's consequence, for people; a receipt comes too late to stop the target."""
        if not (self.if_all_alike and self.part is Part.RECEIPT):
            return super().consequence
        return f"{self.verdict.value}, but not where the first 20 receipts all say so"

    @property
    def told_answer(self) -> str:
        """The part of Expo's answer, and the words in this part, for people."""
        said = [", ".join(each) for each in (self.errors, self.answers) if each]
        return f"{self.part.value}: {'; '.join(said) or 'any other'}"

    def fits(self, trouble: "Trouble") -> bool:
        """Return whether the row describes a trouble."""
        return (
            trouble.part is self.part
            and (not self.errors or any(_fits_error(each, trouble.errors) for each in self.errors))
            and (
                not self.answers
                or any(fits_status(pattern, trouble.answer) for pattern in self.answers)
            )
        )


@dataclass(frozen=True)
class Trouble:
    """Expo's complaint, or its silence.

    Attributes:
        part: The part of Expo's answer with the complaint.
        errors: Expo's names of errors.
        answer: For a request: the HTTP status, or one of the words above.
    """

    part: Part
    errors: frozenset[str] = frozenset()
    answer: str = ""


#: The first fitting row counts.
FAULTS = (
    # --- A request: the project is refused, not the messages.
    Fault(
        name="access token refused",
        what="Push security is switched on, and the access token is missing or wrong.",
        part=Part.REQUEST,
        errors=("UNAUTHORIZED",),
        verdict=Verdict.STOPS,
        source=SECURITY,
    ),
    Fault(
        name="project refused",
        what="The API, or a proxy before it, refuses the project; or there is no such API.",
        part=Part.REQUEST,
        answers=("401", "403", "404", "407"),
        verdict=Verdict.STOPS,
        source="RFC 9110, section 15.5",
    ),
    Fault(
        name="redirect",
        what="The API is elsewhere. Messages go to the address in the settings and to no other.",
        part=Part.REQUEST,
        answers=("3xx",),
        verdict=Verdict.STOPS,
        source="RFC 9110, section 15.4",
    ),
    Fault(
        name="settings make no request",
        what="The address or the access token in the settings cannot be one.",
        part=Part.REQUEST,
        answers=(NO_REQUEST,),
        verdict=Verdict.STOPS,
        source="requests: exceptions",
    ),
    Fault(
        name="not Expo's certificate",
        what="The server's certificate is not to be trusted, or is another host's.",
        part=Part.REQUEST,
        answers=(NOT_TRUSTED,),
        verdict=Verdict.STOPS,
        source="RFC 9110, section 4.3.4",
        hint=CORRECT_CERTIFICATES,
    ),
    # --- A request: Expo takes nothing now.
    Fault(
        name="too many requests",
        what="More than 600 notifications a second.",
        part=Part.REQUEST,
        errors=("TOO_MANY_REQUESTS",),
        verdict=Verdict.BUSY,
        source=REQUESTS,
    ),
    Fault(
        name="slow down",
        what="The same without a name, or the request did not come in time.",
        part=Part.REQUEST,
        answers=("408", "429"),
        verdict=Verdict.BUSY,
        source=f"{RETRIES}; RFC 9110, section 15.5.9",
    ),
    no_answer_behind_gateway(
        Fault,
        part=Part.REQUEST,
    ),
    Fault(
        name="service down",
        what="Expo's service has a fault, or is being mended.",
        part=Part.REQUEST,
        answers=("5xx",),
        verdict=Verdict.OUT_OF_ORDER,
        source=RETRIES,
    ),
    no_connection(
        Fault,
        part=Part.REQUEST,
        source=RETRIES,
    ),
    # --- A request: the content is refused.
    Fault(
        name="messages of several projects",
        what="The tokens are of several Expo projects. The parts are these projects'.",
        part=Part.REQUEST,
        errors=(TOO_MANY_PROJECTS,),
        verdict=Verdict.SPLIT,
        source=REQUESTS,
    ),
    Fault(
        name="too many at once",
        what="More than 100 messages, or receipts of more than 1000.",
        part=Part.REQUEST,
        errors=("PUSH_TOO_MANY_NOTIFICATIONS", "PUSH_TOO_MANY_RECEIPTS"),
        verdict=Verdict.SPLIT,
        source=REQUESTS,
    ),
    Fault(
        name="malformed",
        what="Something in the request is wrong: a message that is none, or one that is too large.",
        part=Part.REQUEST,
        answers=("4xx",),
        verdict=Verdict.SPLIT,
        source=RETRIES,
    ),
    Fault(
        name="refused in a good answer",
        what="The same, with a status that says that all is well.",
        part=Part.REQUEST,
        errors=(ANY_ERROR,),
        verdict=Verdict.SPLIT,
        source="Expo: Push ticket format",
    ),
    Fault(
        name="cannot be written",
        what="A message cannot be written down, or a client of your own refuses it.",
        part=Part.REQUEST,
        answers=(NOT_WRITTEN,),
        verdict=Verdict.SPLIT_RETRY,
        source="exponent_server_sdk: PushClient",
    ),
    # --- A request: nobody knows.
    no_answer(
        Fault,
        part=Part.REQUEST,
    ),
    Fault(
        name="answer without tickets",
        what="The answer says that all is well, and has not a ticket for each message.",
        part=Part.REQUEST,
        verdict=Verdict.UNKNOWN,
        source="Expo: Push ticket format",
    ),
    # --- A ticket.
    Fault(
        name="device not registered",
        what="The app is gone from the device, or its token is none.",
        part=Part.TICKET,
        errors=(DEVICE_NOT_REGISTERED,),
        verdict=Verdict.ADDRESS_GONE,
        source=TICKETS,
        if_all_alike=OTHER_PROJECT,
    ),
    Fault(
        name="message too big",
        what="More than 4096 bytes.",
        part=Part.TICKET,
        errors=("MessageTooBig",),
        verdict=Verdict.FAILED,
        source=RECEIPTS,
    ),
    Fault(
        name="too many messages to a device",
        what="More messages to one device than it may get in a short time.",
        part=Part.TICKET,
        errors=("MessageRateExceeded",),
        verdict=Verdict.RETRY,
        source=RECEIPTS,
    ),
    Fault(
        name="wrong credentials",
        what="The Expo project has wrong credentials with Apple or Google.",
        part=Part.TICKET,
        errors=("InvalidCredentials", "MismatchSenderId"),
        verdict=Verdict.FAILED,
        source=RECEIPTS,
        hint=CORRECT_CREDENTIALS,
        if_all_alike=CORRECT_CREDENTIALS,
    ),
    Fault(
        name="other ticket with an error",
        what="Whatever else Expo may come to say of a message that it did not take.",
        part=Part.TICKET,
        errors=(ANY_ERROR,),
        verdict=Verdict.RETRY,
        source="nobody knows better",
    ),
    Fault(
        name="ticket that makes no sense",
        what="The ticket says neither that Expo took the message nor that it did not.",
        part=Part.TICKET,
        verdict=Verdict.UNKNOWN,
        source="Expo: Push ticket format",
    ),
    # --- A receipt.
    Fault(
        name="device not registered any more",
        what="Apple or Google says that the app is gone from the device.",
        part=Part.RECEIPT,
        errors=(DEVICE_NOT_REGISTERED,),
        verdict=Verdict.ADDRESS_GONE,
        source=RECEIPTS,
        if_all_alike=OTHER_APP,
    ),
    Fault(
        name="message too big for the device",
        what="More than 4096 bytes.",
        part=Part.RECEIPT,
        errors=("MessageTooBig",),
        verdict=Verdict.FAILED,
        source=RECEIPTS,
    ),
    Fault(
        name="too many messages to the device",
        what="More messages to one device than it may get in a short time. It was reported minutes"
        " later: whether the message is worth sending again, a person must say.",
        part=Part.RECEIPT,
        errors=("MessageRateExceeded",),
        verdict=Verdict.FAILED,
        source=RECEIPTS,
    ),
    Fault(
        name="credentials refused",
        what="Apple or Google refuses the Expo project's credentials.",
        part=Part.RECEIPT,
        errors=("InvalidCredentials", "MismatchSenderId", "InvalidProviderToken"),
        verdict=Verdict.FAILED,
        source=RECEIPTS,
        hint=CORRECT_CREDENTIALS,
    ),
    Fault(
        name="other receipt with an error",
        what="Whatever else kept Expo from handing the message over to Apple or Google.",
        part=Part.RECEIPT,
        verdict=Verdict.FAILED,
        source="Expo: Push receipts",
    ),
)


def classify(trouble: Trouble, notification: Notification | None = None) -> Fault:
    """Return the table's first row that describes a trouble.

    Args:
        trouble: The trouble.
        notification: The attempted notification, for the log; ``None`` for several, or a receipt.
    """
    return classified(FAULTS, trouble, "Expo", notification)


def _fits_error(error: str, said: frozenset[str]) -> bool:
    return bool(said) if error == ANY_ERROR else error in said
