"""Email's faults and their outcomes: the table that classifies errors.

The documentation's page of outcomes is made from the same rows.
"""

import email.errors
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext_noop

from ..faults import Row, Verdict, either, first_fitting
from .connection import Stage
from .trouble import NO_ANSWER, NOT_SMTP, Trouble

#: In place of a reply code: any answer, or none.
ANY_ANSWER = "any"
#: How far a message has come, for people.
TOLD_STAGES = {
    Stage.CONNECTING: "while connecting",
    Stage.START: "before a message",
    Stage.ENVELOPE: "before the last dot",
    Stage.DATA_SENT: "after the last dot",
    Stage.OPAQUE: "in another's backend",
}
#: A mail server for a site's own people alone, or one without a resolver, knows nobody else's.
OTHER_SERVER = gettext_noop(
    "See that the mail server in the settings takes mail to all domains, and that the records have"
    " people's own addresses."
)


@dataclass(frozen=True, kw_only=True)
class Fault(Row[Trouble]):
    """A row of the table.

    Attributes:
        stages: How far the message had come; by default any stage.
        answers: Reply codes, ``"5yz"`` for a hundred of them, or one of the words above.
        statuses: Enhanced status codes, ``"5.7.x"`` for a whole subject; empty: any code or none.
        errors: The classes of the exception; by default any.
        error_names: Likewise, dotted names of classes in packages that need not be installed.
        of_recipient: Whether the answer must be about the record's own address, not about the
            message or people in copy.
        codes: Amazon's names of errors; empty: any name or none.
        words: A regular expression for the answer's words, in any case.
        is_of_sender: Whether the project must correct the sender's address.
        wants_fewer_connections: Whether the server may take the message over another connection.
    """

    stages: tuple[Stage, ...] = tuple(Stage)
    answers: tuple[str, ...] = (NO_ANSWER,)
    statuses: tuple[str, ...] = ()
    errors: tuple[type[Exception], ...] = (Exception,)
    error_names: tuple[str, ...] = ()
    of_recipient: bool = False
    codes: tuple[str, ...] = ()
    words: str = ""
    is_of_sender: bool = False
    wants_fewer_connections: bool = False

    @property
    def told_answer(self) -> str:
        """The answers and errors that the row describes, for people, and at which stages."""
        return "; ".join(self._told_conditions())

    def _told_conditions(self) -> Iterator[str]:
        yield either(self.answers)
        if self.statuses:
            yield " or ".join(self.statuses)
        if self.of_recipient:
            yield "of the record's address"
        if self.stages != tuple(Stage):
            yield " or ".join(TOLD_STAGES[stage] for stage in self.stages)
        if Exception not in self.errors:
            yield ", ".join(f"``{error.__name__}``" for error in self.errors)
        if self.error_names:
            yield ", ".join(f"``{name.rpartition('.')[2]}``" for name in self.error_names)

    def fits(self, trouble: Trouble) -> bool:
        """Return whether the row describes a trouble."""
        return (
            trouble.stage in self.stages
            and isinstance(trouble.error, self.errors)
            and (not self.error_names or not trouble.error_names.isdisjoint(self.error_names))
            and any(_fits_code(pattern, trouble.answer) for pattern in self.answers)
            and (
                not self.statuses
                or any(_fits_status(pattern, trouble.status) for pattern in self.statuses)
            )
            and (trouble.of_recipient or not self.of_recipient)
            and (not self.codes or trouble.api.code in self.codes)
            and (not self.words or re.search(self.words, trouble.text, re.IGNORECASE) is not None)
        )


BEFORE_MESSAGE = (Stage.CONNECTING, Stage.START)
IN_MESSAGE = (Stage.ENVELOPE, Stage.DATA_SENT)
#: Another package's backend may open a connection before sending.
OF_BACKEND = (Stage.CONNECTING, Stage.OPAQUE)
#: Words of servers that want fewer messages at a time, where no code says so.
TOO_MUCH = (
    r"too (many|much|fast|quickly|often)|rate.?limit|throttl|slow(ing)? down|server (is )?busy"
    r"|(limit|quota) (has been )?exceeded"
)
#: Words of servers that want fewer connections.
TOO_MANY_CONNECTIONS = (
    r"too many (concurrent |simultaneous |open )?(smtp )?(connections|sessions)"
    r"|concurrent connections?\b|thread limit"
)

#: The first fitting row counts.
FAULTS = (
    # --- The project is refused, not the message.
    Fault(
        name="credentials refused",
        what="The server wants other credentials, or wants some.",
        answers=("530", "534", "535", "538"),
        verdict=Verdict.STOPS,
        source="RFC 4954, section 6",
    ),
    Fault(
        name="login refused",
        what="The server refuses to log the project in.",
        stages=(Stage.CONNECTING,),
        answers=("5yz",),
        errors=(smtplib.SMTPAuthenticationError,),
        verdict=Verdict.STOPS,
        source="RFC 4954, section 6",
    ),
    Fault(
        name="Amazon refuses key",
        what="Amazon SES refuses the project's key, or what the key may do.",
        stages=OF_BACKEND,
        answers=(ANY_ANSWER,),
        codes=(
            "AccessDenied",
            "AccessDeniedException",
            "ExpiredToken",
            "ExpiredTokenException",
            "IncompleteSignature",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "NotAuthorized",
            "OptInRequired",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ),
        verdict=Verdict.STOPS,
        source="Amazon SES API v2: Common Error Types",
    ),
    Fault(
        name="no key for Amazon",
        what="boto3 finds no key, no region or no profile in the project's settings.",
        stages=OF_BACKEND,
        error_names=(
            "botocore.exceptions.NoCredentialsError",
            "botocore.exceptions.PartialCredentialsError",
            "botocore.exceptions.CredentialRetrievalError",
            "botocore.exceptions.TokenRetrievalError",
            "botocore.exceptions.NoRegionError",
            "botocore.exceptions.ProfileNotFound",
        ),
        verdict=Verdict.STOPS,
        source="botocore: botocore.exceptions",
    ),
    Fault(
        name="Amazon stops sending",
        what="The account may not send for now, or the configuration set does not exist.",
        stages=OF_BACKEND,
        answers=(ANY_ANSWER,),
        codes=(
            "AccountSendingPaused",
            "AccountSendingPausedException",
            "AccountSuspendedException",
            "ConfigurationSetDoesNotExist",
            "ConfigurationSetDoesNotExistException",
            "ConfigurationSetSendingPaused",
            "ConfigurationSetSendingPausedException",
            "SendingPausedException",
        ),
        verdict=Verdict.STOPS,
        source="Amazon SES API v2: SendEmail, Errors",
    ),
    Fault(
        name="Amazon refuses sender",
        what="The sender's domain or address is not verified with Amazon SES.",
        stages=OF_BACKEND,
        answers=(ANY_ANSWER,),
        codes=(
            "FromEmailAddressNotVerified",
            "FromEmailAddressNotVerifiedException",
            "MailFromDomainNotVerified",
            "MailFromDomainNotVerifiedException",
        ),
        is_of_sender=True,
        verdict=Verdict.STOPS,
        source="Amazon SES API v2: SendEmail, Errors",
    ),
    Fault(
        name="Amazon throttles",
        what="More than the account may send, in a second or in a day.",
        stages=OF_BACKEND,
        answers=(ANY_ANSWER,),
        codes=(
            "LimitExceeded",
            "LimitExceededException",
            "RequestLimitExceeded",
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
        ),
        verdict=Verdict.BUSY,
        source="Amazon SES API v2: Common Error Types",
    ),
    Fault(
        name="Amazon out of reach",
        what="boto3 makes no connection.",
        stages=OF_BACKEND,
        error_names=(
            "botocore.exceptions.EndpointConnectionError",
            "botocore.exceptions.ConnectTimeoutError",
            "botocore.exceptions.ProxyConnectionError",
        ),
        verdict=Verdict.UNREACHABLE,
        source="botocore: botocore.exceptions",
    ),
    Fault(
        name="Amazon does not answer",
        what="The request was sent, and no answer came.",
        stages=OF_BACKEND,
        error_names=(
            "botocore.exceptions.ReadTimeoutError",
            "botocore.exceptions.ConnectionClosedError",
            "botocore.exceptions.ResponseStreamingError",
        ),
        verdict=Verdict.UNKNOWN,
        source="botocore: botocore.exceptions",
    ),
    Fault(
        name="certificate not trusted",
        what="The server's certificate is not to be trusted, or is another host's.",
        stages=(Stage.CONNECTING,),
        errors=(ssl.SSLCertVerificationError,),
        verdict=Verdict.STOPS,
        source="RFC 3207, section 4.1",
    ),
    Fault(
        name="settings make no connection",
        what="A host, a user or a file in Django's mail settings cannot be one.",
        stages=(Stage.CONNECTING,),
        errors=(ValueError, FileNotFoundError),
        verdict=Verdict.STOPS,
        source="Python: socket, ssl",
    ),
    Fault(
        name="submission rate",
        what="More messages in a minute than the server takes from the sender.",
        answers=("4yz",),
        words=r"submission rate .*exceeded",
        verdict=Verdict.BUSY,
        source="Exchange Server: MessageRateLimit of a receive connector (421 4.4.2)",
    ),
    # --- The server cannot be spoken to.
    Fault(
        name="refused at once",
        what="The server takes no mail now: in its greeting, or before or while it logs in.",
        stages=(Stage.CONNECTING,),
        answers=("4yz", "5yz"),
        verdict=Verdict.UNREACHABLE,
        source="RFC 5321, sections 3.1, 3.8; RFC 4954, section 6 (454)",
    ),
    Fault(
        name="greeting refused",
        what="The server does not greet back.",
        stages=BEFORE_MESSAGE,
        answers=(ANY_ANSWER,),
        errors=(smtplib.SMTPHeloError,),
        verdict=Verdict.UNREACHABLE,
        source="RFC 5321, section 4.1.1.1",
    ),
    Fault(
        name="no mail server",
        what="What answers speaks no SMTP, or in lines without an end.",
        stages=BEFORE_MESSAGE,
        answers=(NOT_SMTP,),
        verdict=Verdict.UNREACHABLE,
        source="RFC 5321, sections 4.2, 4.5.3.1.5",
    ),
    Fault(
        name="closed at once",
        what="The server closes before it takes any mail, or does not answer in time.",
        stages=(Stage.CONNECTING,),
        errors=(smtplib.SMTPServerDisconnected,),
        verdict=Verdict.UNREACHABLE,
        source="RFC 5321, sections 3.8, 4.5.3.2",
    ),
    Fault(
        name="no TLS or login offered",
        what="The server offers no TLS where the settings want it, or no way to log in.",
        stages=(Stage.CONNECTING,),
        errors=(smtplib.SMTPException,),
        verdict=Verdict.STOPS,
        source="RFC 3207, section 4.3; RFC 4954, section 3",
    ),
    Fault(
        name="no connection",
        what="No connection comes about: refused, no such host, no route, no TLS, no greeting in"
        " time.",
        stages=(Stage.CONNECTING,),
        errors=(OSError,),
        verdict=Verdict.UNREACHABLE,
        source="RFC 5321, section 4.5.4.1",
    ),
    Fault(
        name="closing before a message",
        what="The server closes a fresh connection before it accepts anything. (One that has"
        " carried messages is opened again, and the message goes out at once.)",
        stages=(Stage.START,),
        answers=("421",),
        verdict=Verdict.UNREACHABLE,
        source="RFC 5321, section 3.8",
    ),
    Fault(
        name="lost before a message",
        what="The same without a word, or no answer in time.",
        stages=(Stage.START,),
        errors=(smtplib.SMTPServerDisconnected, ConnectionError, TimeoutError, ssl.SSLError),
        verdict=Verdict.UNREACHABLE,
        source="RFC 5321, sections 3.8, 4.5.3.2",
    ),
    Fault(
        name="backend without a connection",
        what="A backend of somebody else's cannot reach its provider.",
        stages=(Stage.OPAQUE,),
        answers=(ANY_ANSWER,),
        errors=(
            ConnectionRefusedError,
            socket.gaierror,
            smtplib.SMTPConnectError,
            smtplib.SMTPHeloError,
        ),
        verdict=Verdict.UNREACHABLE,
        source="Python: socket, smtplib",
    ),
    Fault(
        name="provider out of reach",
        what="django-anymail cannot reach the provider's API.",
        stages=(Stage.OPAQUE,),
        error_names=(
            "requests.exceptions.ConnectTimeout",
            "urllib3.exceptions.NewConnectionError",
            "urllib3.exceptions.ConnectTimeoutError",
        ),
        verdict=Verdict.UNREACHABLE,
        source="requests: requests.exceptions",
    ),
    # --- Answers of a provider's API to another package's backend.
    Fault(
        name="provider refuses recipients",
        what="The provider takes none of the recipients: no addresses, or on its own list.",
        stages=(Stage.OPAQUE,),
        answers=(ANY_ANSWER,),
        error_names=("anymail.exceptions.AnymailRecipientsRefused",),
        verdict=Verdict.FAILED,
        source="django-anymail: AnymailRecipientsRefused",
    ),
    Fault(
        name="provider cannot send such",
        what="The message asks for what the provider cannot do.",
        stages=(Stage.OPAQUE,),
        error_names=(
            "anymail.exceptions.AnymailUnsupportedFeature",
            "anymail.exceptions.AnymailInvalidAddress",
            "anymail.exceptions.AnymailSerializationError",
        ),
        verdict=Verdict.FAILED,
        source="django-anymail: AnymailUnsupportedFeature",
    ),
    Fault(
        name="provider refuses key",
        what="The provider refuses the project's key, or has no such API.",
        stages=(Stage.OPAQUE,),
        answers=("HTTP 401", "HTTP 403", "HTTP 404", "HTTP 407"),
        verdict=Verdict.STOPS,
        source="RFC 9110, section 15.5",
    ),
    Fault(
        name="provider busy",
        what="The provider takes no more for now.",
        stages=(Stage.OPAQUE,),
        answers=("HTTP 408", "HTTP 429"),
        verdict=Verdict.BUSY,
        source="RFC 9110, section 15.5.9; RFC 6585, section 4",
    ),
    Fault(
        name="provider refuses message",
        what="Any other refusal of a provider's: the same message would be refused again.",
        stages=(Stage.OPAQUE,),
        answers=("HTTP 4yz",),
        verdict=Verdict.FAILED,
        source="RFC 9110, section 15.5",
    ),
    Fault(
        name="provider cannot know",
        what="A gateway got no answer from behind it, or the answer cannot be understood.",
        stages=(Stage.OPAQUE,),
        answers=("HTTP 502", "HTTP 504", "HTTP 2yz"),
        verdict=Verdict.UNKNOWN,
        source="RFC 9110, sections 15.6.3, 15.6.5",
    ),
    Fault(
        name="provider broken",
        what="The provider has a fault, and has not processed the message.",
        stages=(Stage.OPAQUE,),
        answers=("HTTP 5yz",),
        verdict=Verdict.OUT_OF_ORDER,
        source="RFC 9110, section 15.6",
    ),
    Fault(
        name="provider does not answer",
        what="The request was sent to the provider, and no answer came.",
        stages=(Stage.OPAQUE,),
        error_names=(
            "requests.exceptions.Timeout",
            "requests.exceptions.ConnectionError",
            "requests.exceptions.ChunkedEncodingError",
        ),
        verdict=Verdict.UNKNOWN,
        source="requests: requests.exceptions",
    ),
    # --- The server wants fewer messages for now, or refuses a message for now.
    Fault(
        name="recipient's server away",
        what="The server cannot reach the server that the address is at.",
        stages=IN_MESSAGE,
        answers=("4yz",),
        statuses=("4.4.x",),
        verdict=Verdict.RETRY,
        source="RFC 3463, section 3.5",
    ),
    Fault(
        name="mailbox full for now",
        what="The mailbox is full, and the server thinks that it will be emptied.",
        answers=("4yz",),
        statuses=("4.2.2",),
        verdict=Verdict.RETRY,
        source="RFC 3463, section 3.3",
    ),
    Fault(
        name="closing in the middle",
        what="The server closes in the middle of a message, mostly because it is busy.",
        answers=("421",),
        wants_fewer_connections=True,
        verdict=Verdict.BUSY,
        source="RFC 5321, section 3.8",
    ),
    Fault(
        name="too many connections",
        what="More connections or threads at once than the server allows the sender.",
        answers=("432",),
        wants_fewer_connections=True,
        verdict=Verdict.BUSY,
        source="Exchange Online: 432 4.3.2 Concurrent connections limit exceeded",
    ),
    Fault(
        name="connections in words",
        what="The same, where no code says so.",
        answers=("4yz",),
        statuses=("", "4.3.x", "4.5.x", "4.7.x"),
        words=TOO_MANY_CONNECTIONS,
        wants_fewer_connections=True,
        verdict=Verdict.BUSY,
        source="Exchange Online: 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded",
    ),
    Fault(
        name="throttled",
        what="More than the server takes, in a second or in a day.",
        answers=("454",),
        verdict=Verdict.BUSY,
        source="Amazon SES: SMTP response codes; RFC 4954, section 6",
    ),
    Fault(
        name="out of space",
        what="The server is short of space, or has too many recipients.",
        answers=("452",),
        verdict=Verdict.BUSY,
        source="RFC 5321, sections 4.2.3, 4.5.3.1.10",
    ),
    Fault(
        name="takes no mail now",
        what="The server as a whole is full, or takes none.",
        answers=("4yz",),
        statuses=("4.3.1", "4.3.2"),
        verdict=Verdict.BUSY,
        source="RFC 3463, section 3.4",
    ),
    Fault(
        name="too fast",
        what="The server says in words that it gets too much at a time.",
        answers=("4yz",),
        statuses=("", "4.3.x", "4.5.x", "4.7.x"),
        words=TOO_MUCH,
        verdict=Verdict.BUSY,
        source="Postfix: anvil(8); Exchange Online: 451 4.7.500 Server busy",
    ),
    Fault(
        name="greylisted",
        what="The server does not know the sender yet.",
        answers=("450", "451"),
        statuses=("4.7.x",),
        verdict=Verdict.RETRY,
        source="RFC 6647, section 2",
    ),
    Fault(
        name="refused for now",
        what="Any other transient refusal.",
        answers=("4yz",),
        verdict=Verdict.RETRY,
        source="RFC 5321, section 4.2.1",
    ),
    # --- The server refuses the message for good.
    Fault(
        name="no such mailbox",
        what="The address is nobody's, or nobody's any more.",
        answers=("5yz",),
        statuses=("5.1.1", "5.1.6"),
        of_recipient=True,
        verdict=Verdict.HARD_BOUNCE,
        source="RFC 3463, section 3.2",
        if_all_alike=OTHER_SERVER,
    ),
    Fault(
        name="no such domain",
        what="The address's domain does not exist, or takes no mail.",
        answers=("5yz",),
        statuses=("5.1.2", "5.1.10"),
        of_recipient=True,
        verdict=Verdict.HARD_BOUNCE,
        source="RFC 3463, section 3.2; RFC 7505, section 4.1",
        if_all_alike=OTHER_SERVER,
    ),
    Fault(
        name="no address",
        what="The address is none, or means several.",
        answers=("5yz",),
        statuses=("5.1.3", "5.1.4"),
        of_recipient=True,
        verdict=Verdict.HARD_BOUNCE,
        source="RFC 3463, section 3.2",
        if_all_alike=OTHER_SERVER,
    ),
    Fault(
        name="mailbox disabled",
        what="The mailbox exists and will never take mail.",
        answers=("5yz",),
        statuses=("5.2.1",),
        of_recipient=True,
        verdict=Verdict.HARD_BOUNCE,
        source="RFC 3463, section 3.3",
        if_all_alike=OTHER_SERVER,
    ),
    Fault(
        name="mailbox full",
        what="The mailbox is full.",
        answers=("5yz",),
        statuses=("5.2.2",),
        verdict=Verdict.FAILED,
        source="RFC 3463, section 3.3",
    ),
    Fault(
        name="too big",
        what="The message is too big for the mailbox, the server or the space it has.",
        answers=("5yz",),
        statuses=("5.2.3", "5.3.4"),
        verdict=Verdict.FAILED,
        source="RFC 3463, sections 3.3, 3.4; RFC 1870, section 6",
    ),
    Fault(
        name="no space for it",
        what="The mailbox is full, or the message too big, and the answer does not say which.",
        answers=("552",),
        verdict=Verdict.FAILED,
        source="RFC 5321, section 4.2.3",
    ),
    Fault(
        name="cannot carry it",
        what="The server does not take mail with such characters, or of such a kind.",
        answers=("5yz",),
        statuses=("5.6.x",),
        verdict=Verdict.FAILED,
        source="RFC 3463, section 3.7; RFC 6531, section 3.2",
    ),
    Fault(
        name="parameters refused",
        what="The server does not know what the message asks of it.",
        answers=("555",),
        verdict=Verdict.FAILED,
        source="RFC 5321, section 4.1.1.11",
    ),
    Fault(
        name="sender's address refused",
        what="The server takes no mail from this address: there is none, or not such a domain.",
        answers=("5yz",),
        statuses=("5.1.7", "5.1.8"),
        is_of_sender=True,
        verdict=Verdict.STOPS,
        source="RFC 3463, section 3.2",
    ),
    Fault(
        name="sender refused",
        what="The server does not take mail from ``from_email``.",
        answers=("5yz",),
        errors=(smtplib.SMTPSenderRefused,),
        is_of_sender=True,
        verdict=Verdict.STOPS,
        source="RFC 5321, section 3.3",
    ),
    Fault(
        name="sender refused for recipient",
        what="The server names the sender when it refuses the recipient, as most servers do that"
        " refuse a sender at all.",
        stages=(Stage.ENVELOPE,),
        answers=("5yz",),
        statuses=("", "5.1.0", "5.7.x"),
        errors=(smtplib.SMTPRecipientsRefused,),
        words=r"\bsender\b|\bmail from\b|\bfrom address\b",
        is_of_sender=True,
        verdict=Verdict.SENDER_DOUBTED,
        source="Postfix: smtpd_delay_reject, reject_sender_login_mismatch",
    ),
    Fault(
        name="policy",
        what="The server does not want this message: spam, a list of blocked senders, DMARC.",
        answers=("5yz",),
        statuses=("5.7.x",),
        verdict=Verdict.FAILED,
        source="RFC 3463, section 3.8; RFC 7372",
    ),
    Fault(
        name="transaction failed",
        what="The server takes the recipient, and not the message.",
        answers=("554",),
        verdict=Verdict.FAILED,
        source="RFC 5321, section 4.2.3",
    ),
    Fault(
        name="refused",
        what="Any other permanent refusal. A 550 without an enhanced status code may be policy, so"
        " it says nothing against the address.",
        answers=("5yz",),
        verdict=Verdict.FAILED,
        source="RFC 5321, sections 4.2.1, 4.2.3",
    ),
    # --- No answer.
    Fault(
        name="lost after handing over",
        what="The message was sent to its last dot, and no answer came, or none that can be read.",
        stages=(Stage.DATA_SENT,),
        answers=(ANY_ANSWER,),
        verdict=Verdict.UNKNOWN,
        source="RFC 5321, section 4.2.5; RFC 1047",
    ),
    Fault(
        name="lost in a backend",
        what="A backend of somebody else's lost its connection; how far it had come, it does not"
        " tell.",
        stages=(Stage.OPAQUE,),
        errors=(smtplib.SMTPServerDisconnected, TimeoutError, ConnectionError),
        verdict=Verdict.UNKNOWN,
        source="RFC 1047",
    ),
    Fault(
        name="lost in the middle",
        what="The connection was lost, or no answer came, before the message's last dot.",
        stages=(Stage.ENVELOPE,),
        answers=(NO_ANSWER, NOT_SMTP),
        verdict=Verdict.RETRY,
        source="RFC 5321, section 4.1.1.4",
    ),
    # --- No mail can be made.
    Fault(
        name="no international addresses",
        what="An address has characters other than ASCII, and the server does not take these.",
        stages=(Stage.START,),
        errors=(smtplib.SMTPNotSupportedError,),
        verdict=Verdict.FAILED,
        source="RFC 6531, section 3.2",
    ),
    Fault(
        name="no such mail",
        what="An address or a header that no mail can have.",
        stages=(Stage.START,),
        # Python's reader of addresses raises IndexError for some that are cut off, such as "eggs@".
        errors=(ValueError, IndexError, email.errors.MessageError),
        verdict=Verdict.FAILED,
        source="RFC 5322; Django: django.core.mail",
    ),
    Fault(
        name="anything else",
        what="Any other error, of a backend of somebody else's for example.",
        answers=(ANY_ANSWER,),
        verdict=Verdict.RETRY,
        source="nobody knows better",
    ),
)


def classify(trouble: Trouble) -> Fault:
    """Return the table's first row that describes a trouble.

    Args:
        trouble: The trouble.
    """
    return first_fitting(FAULTS, trouble)


def _fits_code(pattern: str, answer: str) -> bool:
    if pattern == ANY_ANSWER:
        return True
    return answer.startswith(pattern[:-2]) if pattern.endswith("yz") else answer == pattern


def _fits_status(pattern: str, status: str) -> bool:
    return status.startswith(pattern[:-1]) if pattern.endswith(".x") else status == pattern
