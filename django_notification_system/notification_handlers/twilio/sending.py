"""Sends text messages through Twilio's client, several requests at once on kept connections."""

import base64
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

try:
    import requests
    from twilio.base.exceptions import TwilioException
    from twilio.http import HttpClient
    from twilio.http.response import Response
    from twilio.rest import Client as Client  # what the package offers
except ImportError as error:
    raise ImportError(
        f"Twilio's client cannot be imported ({error}):"
        " pip install 'django-notification-system[twilio]'"
    ) from error

from ...delivery.handlers.send_one import send_and_save
from ...exceptions import TargetUnavailable
from ...models import Notification
from .. import twilio as package
from ..base import Outcome, begin_sending, provider_call, with_next_step
from ..doubts import Doubt, SenderDoubts
from ..faults import Verdict
from ..http.last_answer import LastAnswer, redirect_of
from ..http.session import (
    REQUEST_FAILURES,
    open_session,
    password_of,
    said_of_no_answer,
    server_of,
    split_base_url,
    why_no_answer,
)
from ..parallel import side_by_side
from ..redaction import redacted, sent_forms, texts_in
from .callback import address_of_attempt, message_id_of_attempt, name_attempt
from .faults import CALLBACK_URL, MESSAGING_SERVICE, WORDS, Trouble, classify
from .outcomes import outcome, what_to_do
from .settings import TwilioSettings, twilio_settings
from .whatsapp import (
    WrongTemplate,
    is_whatsapp,
    is_whatsapp_sender,
    sender_for,
    template_parameters,
)

logger = logging.getLogger("django_notification_system")

#: Parameters of Twilio's Messages resource that ``extra`` may add to a message.
EXTRA_PARAMETERS = ("status_callback", "media_url", "validity_period", "messaging_service_sid")
#: Parameters whose words an answer may quote; the link to a picture may let its reader in.
QUOTABLE = ("body", "content_variables", "media_url")
#: After how many refusals of the sender, and no delivery, the other messages are not tried. A
#: sender may be good for some countries only, and a refusal costs little.
MOST_DOUBTED = 100


def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    """Send text messages; see ``Handler.deliver()``.

    Raises:
        TargetUnavailable: When a setting is missing, or Twilio refuses the account.
    """
    settings = twilio_settings()
    _require(settings)
    with open_session(settings.connections) as session:
        connection = Connection(session, settings)
        # From the package, where a project's tests put another client in its place.
        client = package.Client(settings.account_sid, settings.auth_token)
        client.http_client = connection
        # made here: the client's own creation at first use is not thread-safe
        messages = client.messages

        doubts = SenderDoubts(most=MOST_DOUBTED)

        def send(message: TextMessage) -> list[Outcome]:
            return doubts.cleared(_send(messages, connection, message, settings))

        prepared = (_prepare(notification, settings) for notification in notifications)
        yield from doubts.watch(side_by_side(send, prepared, workers=settings.connections))


def send_notification(notification: Notification) -> str:
    """Send one text message and save the outcome, as in release 1.5.3.

    Args:
        notification: The notification, of any status and time.

    Returns:
        The response: ``SMS Successfully sent!`` or the failure.

    Raises:
        TargetUnavailable: When a setting is missing, or Twilio refuses the account; nothing is
            saved.
    """
    return send_and_save(deliver, notification)


@dataclass(frozen=True)
class TextMessage:
    """A notification, read in full where the database may be used.

    Attributes:
        notification: The notification.
        parameters: The message's parameters, by the client's names.
        attempt: The attempt's name, where Twilio reports to the settings' callback.
        of_settings: Names of settings whose values are among the parameters.
        fault: Why the message cannot be sent, or an empty text.
    """

    notification: Notification
    parameters: Mapping[str, Any] = field(repr=False)
    attempt: str = ""
    of_settings: frozenset[str] = frozenset()
    fault: str = ""


class Connection(HttpClient):  # type: ignore[misc] # the package has no types
    """Makes the client's requests on a kept session, to ``base_url``, in any thread.

    Twilio's own HTTP client keeps only the last answer of all threads.
    """

    def __init__(self, session: requests.Session, settings: TwilioSettings) -> None:
        super().__init__(logger, is_async=False, timeout=settings.timeout)
        self.session = session
        base_url = split_base_url(settings.base_url)
        self.base_url = base_url.geturl().rstrip("/")
        self.server = server_of(base_url)
        self.answer = LastAnswer()
        self.answer.listen_to(session)

    def request(  # noqa: D102 # the base class's
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        response = self.session.request(
            method,
            self._address(uri),
            params=params,  # type: ignore[arg-type] # of the client's own making
            data=data,
            headers=headers,
            auth=auth,
            timeout=self.timeout,
            allow_redirects=False,
        )
        # Without a charset requests would guess; JSON is UTF-8.
        text = response.content.decode(errors="replace")
        return Response(response.status_code, text, response.headers)

    def _address(self, uri: str) -> str:
        if self.base_url == TwilioSettings.base_url:
            return uri  # with the region of TWILIO_REGION and TWILIO_EDGE, if any
        return f"{self.base_url}{urlsplit(uri).path}"


def _require(settings: TwilioSettings) -> None:
    missing = [name for name in ("account_sid", "auth_token") if not getattr(settings, name)]
    if not settings.sender and not settings.messaging_service_sid:
        missing.append("sender (or messaging_service_sid)")
    if missing:
        raise TargetUnavailable(
            _("Set %s in NOTIFICATION_SYSTEM_TARGETS['twilio_sms'].") % _(" and ").join(missing)
        )
    try:
        f"{settings.account_sid}:{settings.auth_token}".encode("latin-1")
    except UnicodeError:
        # Not the error's own text: the text quotes the token.
        raise TargetUnavailable(
            _(
                "account_sid or auth_token in NOTIFICATION_SYSTEM_TARGETS['twilio_sms'] has"
                " characters that Twilio's never have: copy them again."
            )
        ) from None


def _prepare(notification: Notification, settings: TwilioSettings) -> TextMessage:
    extra = notification.extra if isinstance(notification.extra, dict) else {}
    try:
        template = template_parameters(extra)
    except WrongTemplate as error:
        return TextMessage(notification, {}, fault=str(error))
    parameters = {
        "to": notification.target_user_record.target_user_id,
        "body": notification.body or notification.title,
        "from_": sender_for(
            notification.target_user_record.target_user_id,
            settings.sender,
            settings.whatsapp_sender,
        ),
        "messaging_service_sid": settings.messaging_service_sid,
    }
    to, sender = parameters["to"], parameters["from_"]
    has_service = settings.messaging_service_sid or extra.get("messaging_service_sid")
    if is_whatsapp(to) and not has_service and not is_whatsapp_sender(sender):
        return TextMessage(
            notification,
            {},
            fault="sender is no number, and WhatsApp takes nothing else. Set whatsapp_sender in"
            " NOTIFICATION_SYSTEM_TARGETS['twilio_sms'].",
        )
    attempt = name_attempt() if settings.callback_url and not extra.get("status_callback") else ""
    if attempt:
        parameters["status_callback"] = address_of_attempt(settings.callback_url, attempt)
    if extra.get("messaging_service_sid"):
        del parameters["from_"]  # another service has senders of its own
    parameters |= {name: extra[name] for name in EXTRA_PARAMETERS if extra.get(name)}
    if template:
        # Twilio's page about templates: text and pictures are to be left out.
        parameters |= {"body": None, "media_url": None, **template}
    # The client leaves out missing values, but not empty values.
    given = {name: value for name, value in parameters.items() if value}
    of_settings = {MESSAGING_SERVICE} if not extra.get(MESSAGING_SERVICE) else set()
    if attempt:
        of_settings.add(CALLBACK_URL)
    return TextMessage(notification, given, attempt, frozenset(of_settings))


def _send(
    messages: Any, connection: Connection, message: TextMessage, settings: TwilioSettings
) -> Outcome | Doubt:
    if message.fault:
        return Outcome.failed(message.notification, f"Not sent: {message.fault}")
    answer = connection.answer
    answer.forget()
    begin_sending(message.notification)
    try:
        with provider_call("twilio", (message.notification,), connection.server):
            sent = messages.create(**message.parameters)
    except Exception as error:
        trouble, reason = _understand(error, answer, message)
        quotable = [message.parameters.get(name) for name in QUOTABLE]
        bodies = [form for text in texts_in(quotable) for form in sent_forms(text)]
        said = redacted(reason, _secrets(message, settings), bodies=bodies)
        return _failed(message, trouble, said)
    if answer.status and not isinstance(sent.sid, str):
        return _failed(message, Trouble(str(answer.status)), _makes_no_sense(answer))
    return Outcome.delivered(
        message.notification,
        "SMS Successfully sent!",
        provider_message_id=sent.sid if isinstance(sent.sid, str) else "",
    )


def _failed(message: TextMessage, trouble: Trouble, response: str) -> Outcome | Doubt:
    message_id = message_id_of_attempt(message.attempt) if message.attempt else ""
    fault = classify(trouble, message.notification)
    judged = outcome(message.notification, trouble, fault, response, message_id)
    if fault.verdict is not Verdict.SENDER_DOUBTED:
        return judged
    return Doubt(judged, with_next_step(response, what_to_do(fault)))


def _understand(error: Exception, answer: LastAnswer, message: TextMessage) -> tuple[Trouble, str]:
    """Return the trouble of an error, and the error for people."""
    kind = type(error).__name__
    if isinstance(error, TwilioException):
        status = answer.status or _integer(error, "status")
        code = _integer(error, "code")
        said = (
            getattr(error, "msg", "") or getattr(error, "detail", "") or getattr(error, "title", "")
        )
        known_code = f", code {code}" if code and code != status else ""
        trouble = Trouble(str(status), code, answer.headers, of_settings=message.of_settings)
        return trouble, f"{kind}: HTTP {status}{known_code}: {said}"
    if (redirect := redirect_of(error)) is not None:
        status = redirect.status_code
        return Trouble(str(status)), f"{kind}: HTTP {status}: The API answered with a redirect."
    if isinstance(error, REQUEST_FAILURES):
        reason = why_no_answer(error)
        return Trouble(WORDS[reason]), said_of_no_answer(error)
    # The error's text may quote the message.
    if answer.status:
        return Trouble(str(answer.status)), f"{kind}: {_makes_no_sense(answer)}"
    return Trouble(""), f"{kind}: no request can be made of it."


def _makes_no_sense(answer: LastAnswer) -> str:
    return f"Twilio's answer (HTTP {answer.status}) makes no sense."


def _secrets(message: TextMessage, settings: TwilioSettings) -> Iterator[str]:
    """Yield the texts that must not stand in a response."""
    yield settings.auth_token
    login = f"{settings.account_sid}:{settings.auth_token}"
    yield base64.b64encode(login.encode(errors="replace")).decode()
    # Values from a notification's extra or a record may be of any type.
    yield password_of(message.parameters.get("status_callback"))
    yield password_of(settings.base_url)
    to = str(message.parameters.get("to", ""))
    yield to
    yield to.rpartition(":")[2]
    yield str(message.parameters.get("body", ""))


def _integer(error: TwilioException, name: str) -> int:
    value = getattr(error, name, 0)
    return value if isinstance(value, int) else 0
