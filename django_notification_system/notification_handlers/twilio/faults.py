"""Twilio's faults and their outcomes: one table classifies answers and later reports.

The documentation's page of outcomes is made from the same rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext_noop

from ...models import Notification
from ..faults import (
    NoAnswer,
    Row,
    Verdict,
    classified,
    either,
    fits_status,
    no_answer_behind_gateway,
    no_connection,
)

#: In place of HTTP statuses: no answer, with the reason; or any answer.
NO_CONNECTION = "no connection"
NOT_TRUSTED = "certificate not trusted"
LOST = "no answer"
NO_REQUEST = "no request"
ANY_ANSWER = "any"
WORDS = {
    NoAnswer.NOT_CONNECTED: NO_CONNECTION,
    NoAnswer.NOT_TRUSTED: NOT_TRUSTED,
    NoAnswer.LOST: LOST,
    NoAnswer.NO_REQUEST: NO_REQUEST,
}


@dataclass(frozen=True, kw_only=True)
class Fault(Row["Trouble"]):
    """A row of the table.

    Attributes:
        codes: Twilio's error codes; empty: any code or none.
        answers: HTTP statuses, ``"5xx"`` for a hundred of them, or the words above.
        of_setting: The name of the setting, where the row is only for a refused value from the
            settings, not from the notification; else empty.
    """

    codes: tuple[int | range, ...] = ()
    answers: tuple[str, ...] = (ANY_ANSWER,)
    of_setting: str = ""

    @property
    def told_answer(self) -> str:
        """Twilio's error codes and the answers that the row describes, for people."""
        parts = []
        if self.codes:
            codes = [f"{x[0]} to {x[-1]}" if isinstance(x, range) else str(x) for x in self.codes]
            parts.append(f"code {either(codes)}")
        if not self.codes or self.answers != (ANY_ANSWER,):
            parts.append(super().told_answer)
        if self.of_setting:
            parts.append(f"of the settings' ``{self.of_setting}``")
        return "; ".join(parts)

    def fits(self, trouble: "Trouble") -> bool:
        """Return whether the row describes a trouble."""
        return (
            (not self.codes or self.has_code(trouble.code))
            and any(_fits_answer(pattern, trouble.answer) for pattern in self.answers)
            and (not self.of_setting or self.of_setting in trouble.of_settings)
        )

    def has_code(self, code: int) -> bool:
        """Return whether the row has a Twilio error code.

        Args:
            code: The error code.
        """
        return any(code in each if isinstance(each, range) else code == each for each in self.codes)


@dataclass(frozen=True)
class Trouble:
    """Why a message was not sent.

    Attributes:
        answer: The HTTP status, or one of the words above.
        code: Twilio's error code; 0 where Twilio named none.
        headers: The answer's headers.
        of_settings: Names of settings whose values the message had.
    """

    answer: str
    code: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    of_settings: frozenset[str] = frozenset()


#: Where all numbers are refused.
SEE_NUMBERS = gettext_noop(
    "See that the records have telephone numbers with the country's code, such as +15005550006."
)
SEE_SENDER = gettext_noop(
    "Correct sender or whatsapp_sender in the target's settings: the number of a WhatsApp sender of"
    " this account."
)
SEE_NUMBER = gettext_noop(
    "Correct sender in the target's settings: a number of this account that can send text messages."
)
SEE_SERVICE = gettext_noop(
    "Correct messaging_service_sid in the target's settings, or add numbers to the messaging"
    " service at Twilio."
)
CALLBACK_URL, MESSAGING_SERVICE = "callback_url", "messaging_service_sid"
ERRORS = "twilio.com/docs/api/errors/"
#: Only the settings have a sender; ``extra`` may name a messaging service in its place.
BAD_SENDER = 21212

#: The first fitting row counts.
FAULTS = (
    # --- The project is refused, not the message.
    Fault(
        name="credentials refused",
        what="Twilio does not know the account, or its token is another.",
        codes=(20003,),
        verdict=Verdict.STOPS,
        source=f"{ERRORS}20003",
    ),
    Fault(
        name="account not active",
        what="The account is suspended: out of funds, or closed by Twilio.",
        codes=(10001, 20005, 30002, 90010),
        verdict=Verdict.STOPS,
        source=f"{ERRORS}20005, 30002",
    ),
    Fault(
        name="status callback refused",
        what="``callback_url`` in the settings is no address that Twilio can call.",
        codes=(21609,),
        of_setting=CALLBACK_URL,
        verdict=Verdict.STOPS,
        source=f"{ERRORS}21609",
    ),
    Fault(
        name="messaging service refused",
        what="``messaging_service_sid`` in the settings is none of the account's, or the service"
        " has no numbers.",
        codes=(21701, 21702, 21704, 21705),
        of_setting=MESSAGING_SERVICE,
        verdict=Verdict.STOPS,
        source=f"{ERRORS}21701, 21702, 21704, 21705",
        hint=SEE_SERVICE,
    ),
    Fault(
        name="sender is none",
        what="``sender`` is no number, or not in the form +15005550006.",
        codes=(BAD_SENDER,),
        verdict=Verdict.STOPS,
        source=f"{ERRORS}21212",
    ),
    # --- The number is refused.
    Fault(
        name="opted out",
        what="The person has answered STOP, and not START since.",
        codes=(21610,),
        verdict=Verdict.OPTED_OUT,
        source=f"{ERRORS}21610",
    ),
    Fault(
        name="no number",
        what="The number is none, or not in the form +15005550006.",
        codes=(21211,),
        verdict=Verdict.ADDRESS_GONE,
        source=f"{ERRORS}21211",
        if_all_alike=SEE_NUMBERS,
    ),
    Fault(
        name="no mobile number",
        what="The number cannot get text messages: a landline, for example.",
        codes=(21614, 21635),
        verdict=Verdict.ADDRESS_GONE,
        source=f"{ERRORS}21614, 21635",
        if_all_alike=SEE_NUMBERS,
    ),
    Fault(
        name="number unknown",
        what="The carrier does not know the number, or not any more.",
        codes=(30005,),
        verdict=Verdict.ADDRESS_GONE,
        source=f"{ERRORS}30005",
        if_all_alike=SEE_NUMBERS,
    ),
    Fault(
        name="landline or carrier out of reach",
        what="The number is a landline's, or of a carrier that Twilio does not reach.",
        codes=(30006,),
        verdict=Verdict.ADDRESS_GONE,
        source=f"{ERRORS}30006",
        if_all_alike=SEE_NUMBERS,
    ),
    Fault(
        name="blocked by the person",
        what="The person has blocked the sender on WhatsApp, or wants no messages there.",
        codes=(63014,),
        verdict=Verdict.OPTED_OUT,
        source=f"{ERRORS}63014",
    ),
    Fault(
        name="not on WhatsApp",
        what="The number is not on WhatsApp, or no number.",
        codes=(63003,),
        verdict=Verdict.HARD_BOUNCE,
        source=f"{ERRORS}63003",
        if_all_alike=SEE_NUMBERS,
    ),
    # --- Twilio wants less for now, or the message is refused for now.
    Fault(
        name="too many requests",
        what="More requests at once, or more messages, than the account may send.",
        codes=(20429, 63017, 63038),
        verdict=Verdict.BUSY,
        source=f"{ERRORS}20429, 63017, 63038",
    ),
    Fault(
        name="queue full",
        what="More messages wait for the sender than it can send in time.",
        codes=(21611, 30001),
        verdict=Verdict.BUSY,
        source=f"{ERRORS}21611, 30001",
    ),
    Fault(
        name="WhatsApp wants less",
        what="More messages by WhatsApp than it takes of the sender. Text messages go on.",
        codes=(63018,),
        verdict=Verdict.RECORD_BUSY,
        source=f"{ERRORS}63018",
    ),
    Fault(
        name="phone out of reach",
        what="The phone is switched off, or without a signal.",
        codes=(30003,),
        verdict=Verdict.RETRY,
        source=f"{ERRORS}30003",
    ),
    Fault(
        name="carrier does not say",
        what="The carrier did not deliver it, and does not say why.",
        codes=(30008,),
        verdict=Verdict.RETRY,
        source=f"{ERRORS}30008",
    ),
    Fault(
        name="later",
        what="Twilio, or a proxy, wants the request another time.",
        answers=("408", "429"),
        verdict=Verdict.BUSY,
        source="RFC 9110, section 15.5.9; RFC 6585, section 4",
    ),
    # --- The message is refused for good.
    Fault(
        name="sender refused",
        what="``sender`` is none of the account's, or cannot send text messages, or not to this"
        " number.",
        codes=(21606, 21659, 21660, 21661),
        verdict=Verdict.SENDER_DOUBTED,
        source=f"{ERRORS}21606, 21659, 21660, 21661",
        hint=SEE_NUMBER,
    ),
    Fault(
        name="no sender in the messaging service",
        what="No number of the messaging service in the settings can send to this number.",
        codes=(21703,),
        of_setting=MESSAGING_SERVICE,
        verdict=Verdict.SENDER_DOUBTED,
        source=f"{ERRORS}21703",
        hint=SEE_SERVICE,
    ),
    Fault(
        name="no sender for WhatsApp",
        what="``sender`` or ``whatsapp_sender`` is no sender of WhatsApp, or not yet.",
        codes=(63007,),
        verdict=Verdict.SENDER_DOUBTED,
        source=f"{ERRORS}63007",
        hint=SEE_SENDER,
    ),
    Fault(
        name="outside a conversation",
        what="The person has not written for 24 hours: WhatsApp takes a template alone then.",
        codes=(63016,),
        verdict=Verdict.FAILED,
        source=f"{ERRORS}63016",
    ),
    Fault(
        name="template refused",
        what="There is no such template in this language, or its variables are others; or WhatsApp"
        " does not allow the content.",
        codes=(63013, 63021, 63027, 63028),
        verdict=Verdict.FAILED,
        source=f"{ERRORS}63013, 63021, 63027, 63028",
    ),
    Fault(
        name="country not enabled",
        what="The account may not send to this country.",
        codes=(21408,),
        verdict=Verdict.FAILED,
        source=f"{ERRORS}21408",
    ),
    Fault(
        name="trial account",
        what="A trial account may send to verified numbers alone.",
        codes=(21608,),
        verdict=Verdict.FAILED,
        source=f"{ERRORS}21608",
    ),
    Fault(
        name="too long",
        what="The text has more than 1,600 characters.",
        codes=(21617,),
        verdict=Verdict.FAILED,
        source=f"{ERRORS}21617",
    ),
    Fault(
        name="blocked or filtered",
        what="Twilio or the carrier does not want this message.",
        codes=(30004, 30007),
        verdict=Verdict.FAILED,
        source=f"{ERRORS}30004, 30007",
    ),
    Fault(
        name="refused",
        what="Any other error that Twilio has for a message.",
        codes=(range(21000, 40000),),
        answers=("4xx",),
        verdict=Verdict.FAILED,
        source="twilio.com/docs/api/errors",
    ),
    # --- Without an error code of a message.
    Fault(
        name="API refused",
        what="Twilio, or a proxy before it, refuses the project, or ``base_url`` is another's.",
        answers=("401", "403", "404", "407", "3xx"),
        verdict=Verdict.STOPS,
        source="RFC 9110, sections 15.4, 15.5",
    ),
    Fault(
        name="request refused",
        what="Any other refusal.",
        answers=("4xx",),
        verdict=Verdict.FAILED,
        source="RFC 9110, section 15.5",
    ),
    no_answer_behind_gateway(Fault),
    Fault(
        name="API out of order",
        what="Twilio cannot process requests now.",
        answers=("5xx",),
        verdict=Verdict.OUT_OF_ORDER,
        source="RFC 9110, section 15.6",
    ),
    # --- No answer, or an answer without sense.
    no_connection(
        Fault,
        what="No connection comes about: refused, no such host, no route, no TLS, no proxy.",
        answers=(NO_CONNECTION,),
        source="urllib3: NewConnectionError, ConnectTimeoutError, ProxyError",
    ),
    Fault(
        name=NOT_TRUSTED,
        what="The certificate is not to be trusted, or is another host's.",
        answers=(NOT_TRUSTED,),
        verdict=Verdict.STOPS,
        source="RFC 9110, section 4.3.4",
    ),
    Fault(
        name="settings make no request",
        what="``base_url`` is no address, or the account's name or token fits no header.",
        answers=(NO_REQUEST,),
        verdict=Verdict.STOPS,
        source="requests: InvalidURL, InvalidHeader",
    ),
    Fault(
        name="no answer",
        what="The request was sent, and no answer came, or none that was whole within ``timeout``.",
        answers=(LOST,),
        verdict=Verdict.UNKNOWN,
        source="Twilio has no key by which it would know a request again",
    ),
    Fault(
        name="answer makes no sense",
        what="Success, with a text that is not Twilio's: a proxy's page, for example.",
        answers=("2xx",),
        verdict=Verdict.UNKNOWN,
        source="twilio.com/docs/messaging/api/message-resource",
    ),
    Fault(
        name="anything else",
        what="A parameter in ``extra`` of which no request can be made, or a client of somebody"
        " else's.",
        verdict=Verdict.RETRY,
        source="nobody knows better",
    ),
)


def classify(trouble: Trouble, notification: Notification | None = None) -> Fault:
    """Return the table's first row that describes a trouble.

    Args:
        trouble: The trouble.
        notification: The attempted notification, for the log; ``None`` for none.
    """
    return classified(FAULTS, trouble, "Twilio", notification)


def fault_of_code(code: int) -> Fault | None:
    """Return the row for an error code in Twilio's later report, or ``None`` without one.

    Args:
        code: The error code.
    """
    return next((fault for fault in FAULTS if fault.has_code(code)), None)


def _fits_answer(pattern: str, answer: str) -> bool:
    return pattern == ANY_ANSWER or fits_status(pattern, answer)
