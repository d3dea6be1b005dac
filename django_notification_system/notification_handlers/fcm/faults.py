"""FCM's faults and their outcomes: one table classifies answers about tokens and messages.

The outcomes on the documentation's page are made from the same rows.
"""

from dataclasses import dataclass
from enum import Enum

from django.utils.translation import gettext_noop

from ...models import Notification
from ..faults import (
    LOST,
    NO_REQUEST,
    NOT_CONNECTED,
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

#: An answer that says neither yes nor no.
MAKES_NO_SENSE = "makes no sense"

#: In place of FCM's names of errors: what else an answer blames.
BLAMES_TOKEN = "blames the token"  # noqa: S105 # no password
BLAMES_DEVICE = "blames the rate of one device"

UNREGISTERED = "UNREGISTERED"
SENDER_ID_MISMATCH = "SENDER_ID_MISMATCH"
THIRD_PARTY = ("THIRD_PARTY_AUTH_ERROR", "APNS_AUTH_ERROR")

ERROR_CODES = "firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode"
EXAMPLES = "firebase.google.com/docs/cloud-messaging/error-codes"

CORRECT_CREDENTIALS = gettext_noop(
    "Correct credentials, project_id and base_url in the target's settings, and see in the Google"
    " Cloud console that the Firebase Cloud Messaging API is on and that the service account may"
    " send messages."
)
#: One text, so that refusals of either kind are alike.
CORRECT_PROJECT = gettext_noop(
    "See that credentials and project_id in the target's settings are those of the app's Firebase"
    " project, and that the records have this app's registration tokens."
)
CORRECT_KEY = gettext_noop(
    "Correct credentials in the target's settings, with a new key from the Firebase console, and"
    " this machine's clock."
)


class Part(Enum):
    """The request with the fault; the value is for people."""

    TOKEN = "an access token"  # noqa: S105 # no password
    MESSAGE = "a message"


@dataclass(frozen=True, kw_only=True)
class Fault(Row["Trouble"]):
    """A row of the table.

    Attributes:
        part: The request with the fault.
        codes: FCM's names of errors, or the words above; empty: any name or none.
    """

    part: Part
    codes: tuple[str, ...] = ()

    @property
    def told_answer(self) -> str:
        """The request, and its answers, for people."""
        said = [", ".join(each) for each in (self.codes, self.answers) if each]
        return f"{self.part.value}: {'; '.join(said) or 'any other'}"

    def fits(self, trouble: "Trouble") -> bool:
        """Return whether the row describes a trouble."""
        return (
            trouble.part is self.part
            and (not self.codes or bool(trouble.codes.intersection(self.codes)))
            and (
                not self.answers
                or any(fits_status(pattern, trouble.answer) for pattern in self.answers)
            )
        )


@dataclass(frozen=True)
class Trouble:
    """Google's complaint, or its silence.

    Attributes:
        part: The request in question.
        codes: FCM's names of errors, and the words above.
        answer: The HTTP status, or one of the words above.
    """

    part: Part
    codes: frozenset[str] = frozenset()
    answer: str = ""


#: The first fitting row counts.
FAULTS = (
    # --- An access token. No message was sent.
    Fault(
        name="service account refused",
        what="Google does not know the service account or its key, or this machine's clock is off.",
        part=Part.TOKEN,
        answers=("400", "401", "403"),
        verdict=Verdict.STOPS,
        source="RFC 6749, section 5.2; RFC 7523, section 3.1",
        hint=CORRECT_KEY,
    ),
    Fault(
        name="no such place for tokens",
        what="The credentials' ``token_uri`` is another's, or a proxy stands before it.",
        part=Part.TOKEN,
        answers=("3xx", "404", "405", "407", NO_REQUEST),
        verdict=Verdict.STOPS,
        source="RFC 9110, sections 15.4, 15.5",
    ),
    Fault(
        name="not Google's certificate",
        what="The certificate at ``token_uri`` is not to be trusted, or is another host's.",
        part=Part.TOKEN,
        answers=(NOT_TRUSTED,),
        verdict=Verdict.STOPS,
        source="RFC 9110, section 4.3.4",
        hint=CORRECT_CERTIFICATES,
    ),
    Fault(
        name="no connection for a token",
        what="No connection for a token, or no whole answer within ``timeout``.",
        part=Part.TOKEN,
        answers=(NOT_CONNECTED, LOST),
        verdict=Verdict.UNREACHABLE,
        source="no message was sent",
    ),
    Fault(
        name="no token now",
        what="Google gives no token now, or the answer is a proxy's page.",
        part=Part.TOKEN,
        verdict=Verdict.OUT_OF_ORDER,
        source="RFC 9110, section 15.6; RFC 6749, section 5.1",
    ),
    # --- A message: the device.
    Fault(
        name="app removed",
        what="The app is gone from the device, or its token was replaced.",
        part=Part.MESSAGE,
        codes=(UNREGISTERED,),
        verdict=Verdict.ADDRESS_GONE,
        source=ERROR_CODES,
        if_all_alike=CORRECT_PROJECT,
    ),
    Fault(
        name="no registration token",
        what="FCM blames the registration token: cut off, for example.",
        part=Part.MESSAGE,
        codes=(BLAMES_TOKEN,),
        answers=("400",),
        verdict=Verdict.HARD_BOUNCE,
        source=f"{EXAMPLES}, example 2",
        if_all_alike=CORRECT_PROJECT,
    ),
    Fault(
        name="token of another project",
        what="The app belongs to another Firebase project.",
        part=Part.MESSAGE,
        codes=(SENDER_ID_MISMATCH,),
        verdict=Verdict.FAILED,
        source=ERROR_CODES,
        if_all_alike=CORRECT_PROJECT,
        hint="Register the device with this Firebase project, or correct credentials and"
        " project_id in the target's settings.",
    ),
    Fault(
        name="credentials of Apple or of web push refused",
        what="Apple, or a browser's push service, refuses the Firebase project. Android goes on.",
        part=Part.MESSAGE,
        codes=THIRD_PARTY,
        verdict=Verdict.FAILED,
        source=ERROR_CODES,
        hint="Correct the APNs key or the web push certificate in the Firebase console: Project"
        " settings, Cloud Messaging.",
    ),
    Fault(
        name="too many messages to a device",
        what="More messages to one device than FCM lets through.",
        part=Part.MESSAGE,
        codes=(BLAMES_DEVICE,),
        answers=("429",),
        verdict=Verdict.RECORD_BUSY,
        source=f"{ERROR_CODES} (QuotaFailure)",
    ),
    # --- A message: the project, or FCM.
    Fault(
        name="quota used up",
        what="More messages a minute than the project may send.",
        part=Part.MESSAGE,
        answers=("429",),
        verdict=Verdict.BUSY,
        source=ERROR_CODES,
    ),
    Fault(
        name="message refused",
        what="The message is too big, or has a name, a time or a value that FCM does not take.",
        part=Part.MESSAGE,
        answers=("400", "413"),
        verdict=Verdict.FAILED,
        source=f"{ERROR_CODES}; {EXAMPLES}, example 1",
    ),
    Fault(
        name="project refused",
        what="FCM does not take the access token, and not a new token either; or the service"
        " account may not send, or the API is off.",
        part=Part.MESSAGE,
        answers=("401", "403"),
        verdict=Verdict.STOPS,
        source="cloud.google.com/apis/design/errors",
    ),
    Fault(
        name="no such project",
        what="There is no such project, or no such API.",
        part=Part.MESSAGE,
        answers=("404", "405"),
        verdict=Verdict.STOPS,
        source="cloud.google.com/apis/design/errors",
    ),
    Fault(
        name="elsewhere",
        what="A redirect, or a proxy that wants a login; or ``base_url`` is no address.",
        part=Part.MESSAGE,
        answers=("3xx", "407", NO_REQUEST),
        verdict=Verdict.STOPS,
        source="RFC 9110, sections 15.4, 15.5.8",
    ),
    Fault(
        name="not FCM's certificate",
        what="The certificate is not to be trusted, or is another host's.",
        part=Part.MESSAGE,
        answers=(NOT_TRUSTED,),
        verdict=Verdict.STOPS,
        source="RFC 9110, section 4.3.4",
        hint=CORRECT_CERTIFICATES,
    ),
    Fault(
        name="refused otherwise",
        what="Any other refusal of the request.",
        part=Part.MESSAGE,
        answers=("4xx",),
        verdict=Verdict.FAILED,
        source="RFC 9110, section 15.5",
    ),
    Fault(
        name="internal error",
        what="FCM has an error of its own.",
        part=Part.MESSAGE,
        answers=("500",),
        verdict=Verdict.OUT_OF_ORDER,
        source=ERROR_CODES,
    ),
    no_answer_behind_gateway(
        Fault,
        part=Part.MESSAGE,
    ),
    Fault(
        name="service down",
        what="FCM is overloaded, or is being mended.",
        part=Part.MESSAGE,
        answers=("5xx",),
        verdict=Verdict.UNREACHABLE,
        source=ERROR_CODES,
    ),
    no_connection(
        Fault,
        part=Part.MESSAGE,
        source="urllib3: NewConnectionError, ConnectTimeoutError, ProxyError",
    ),
    no_answer(
        Fault,
        part=Part.MESSAGE,
    ),
    Fault(
        name="answer without a name",
        what="The answer says that all is well, and names no message: a proxy's page, for example.",
        part=Part.MESSAGE,
        verdict=Verdict.UNKNOWN,
        source="firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send",
    ),
)


def classify(trouble: Trouble, notification: Notification | None = None) -> Fault:
    """Return the table's first row that describes a trouble.

    Args:
        trouble: The trouble.
        notification: The attempted notification, for the log; ``None`` for several, or a receipt.
    """
    return classified(FAULTS, trouble, "FCM", notification)
