"""Delivers text messages through Twilio, several requests at once on kept connections."""

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

try:
    import requests
    from twilio.base.exceptions import TwilioException
    from twilio.http import HttpClient
    from twilio.http.response import Response
    from twilio.rest import Client
except ImportError as error:
    raise ImportError(
        f"Twilio's client cannot be imported ({error}):"
        " pip install django-notification-system[twilio]"
    ) from error

from ..conf import TwilioSettings, twilio_settings
from ..delivery.single import send_and_save
from ..exceptions import TargetUnavailable
from ..models import Notification
from .base import Outcome
from .parallel import side_by_side
from .provider_requests import (
    CORRECT_SETTINGS,
    NOBODY_KNOWS,
    not_before,
    open_session,
    outcome_of_status,
    outcome_without_answer,
    redacted,
    split_base_url,
)

logger = logging.getLogger("django_notification_system")

#: What ``extra`` may add to a message: parameters of Twilio's Messages resource.
EXTRA_PARAMETERS = ("status_callback", "media_url", "validity_period", "messaging_service_sid")

#: The number will never get a text message: invalid, not able to, a landline, unknown, unreachable.
#: Source: https://www.twilio.com/docs/api/errors
NUMBER_IS_NO_GOOD = frozenset({21211, 21614, 21635, 30005, 30006})
#: The person answered STOP. Source: https://www.twilio.com/docs/api/errors/21610
OPTED_OUT = 21610
#: Too many requests, the sender's queue or the account's is full, an error without a name.
#: Source: https://www.twilio.com/docs/api/errors
TRY_LATER = frozenset({20429, 21611, 30001, 30003, 30008})
#: Source: https://www.twilio.com/docs/api/errors/20003
AUTHENTICATION_FAILED = 20003
#: Errors of messages have these codes, those of accounts lower ones.
CODES_OF_MESSAGES = range(21000, 40000)


def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    """Send text messages; see ``Handler.deliver()``.

    Raises:
        TargetUnavailable: When a setting is missing, or Twilio refuses the account.
    """
    settings = twilio_settings()
    _require(settings)
    with open_session(settings.connections) as session:
        connection = Connection(session, settings)
        client = Client(settings.account_sid, settings.auth_token)
        client.http_client = connection
        messages = client.messages  # made here: the client makes it at first use, in no safe way

        def send(message: Message) -> Iterator[Outcome]:
            yield _send(messages, connection, message, settings)

        prepared = (_prepare(notification, settings) for notification in notifications)
        yield from side_by_side(send, prepared, workers=settings.connections)


def send_notification(notification: Notification) -> str:
    """Send one text message and save what came of it, as in release 1.5.3.

    Returns:
        The response: ``SMS Successfully sent!`` or what went wrong.

    Raises:
        TargetUnavailable: When a setting is missing, or Twilio refuses the account; nothing is
            saved.
    """
    return send_and_save(deliver, notification)


@dataclass(frozen=True)
class Message:
    """A notification, read in full where the database may be used."""

    notification: Notification
    parameters: Mapping[str, Any] = field(repr=False)


class LastAnswer(threading.local):
    """The answer to the calling thread's last request, for what the client's errors leave out."""

    status: int = 0
    headers: Mapping[str, str] = {}


class Connection(HttpClient):  # type: ignore[misc] # the package has no types
    """How Twilio's client makes its requests: on a kept session, to ``base_url``, in any thread.

    Twilio's own hands out the last answer of any thread.
    """

    def __init__(self, session: requests.Session, settings: TwilioSettings) -> None:
        super().__init__(logger, is_async=False, timeout=settings.timeout)
        self.session = session
        self.base_url = split_base_url(settings.base_url).geturl().rstrip("/")
        self.answer = LastAnswer()

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
        self.answer.status = response.status_code
        self.answer.headers = response.headers
        # Without a charset requests would guess one; JSON is UTF-8.
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
            f"Set {' and '.join(missing)} in NOTIFICATION_SYSTEM_TARGETS['twilio_sms']."
        )


def _prepare(notification: Notification, settings: TwilioSettings) -> Message:
    extra = notification.extra if isinstance(notification.extra, dict) else {}
    parameters = {
        "to": notification.target_user_record.target_user_id,
        "body": notification.body or notification.title,
        "from_": settings.sender,
        "messaging_service_sid": settings.messaging_service_sid,
    }
    if extra.get("messaging_service_sid"):
        del parameters["from_"]  # another service has senders of its own
    parameters |= {name: extra[name] for name in EXTRA_PARAMETERS if extra.get(name)}
    # The client leaves out what is not given, but not what is empty.
    return Message(notification, {name: value for name, value in parameters.items() if value})


def _send(
    messages: Any, connection: Connection, message: Message, settings: TwilioSettings
) -> Outcome:
    notification = message.notification
    answer = connection.answer
    answer.status, answer.headers = 0, {}
    try:
        sent = messages.create(**message.parameters)
    except TwilioException as error:
        secrets = (settings.auth_token, message.parameters.get("body"))
        return _refused(notification, error, answer, secrets)
    except requests.RequestException as error:
        return outcome_without_answer(notification, error)
    except Exception as error:
        # Its text may be a part of the message.
        if answer.status:
            response = f"{type(error).__name__}: Twilio's answer (HTTP {answer.status}) is no JSON."
            return Outcome.unknown(notification, f"{response} {NOBODY_KNOWS}")
        return Outcome.retry(notification, f"{type(error).__name__}: no request can be made of it.")
    return Outcome.delivered(
        notification,
        "SMS Successfully sent!",
        provider_message_id=sent.sid if isinstance(sent.sid, str) else "",
    )


def _refused(
    notification: Notification,
    error: TwilioException,
    answer: LastAnswer,
    secrets: tuple[str | None, ...],
) -> Outcome:
    status = _integer(error, "status")
    code = _integer(error, "code")
    said = getattr(error, "msg", "") or getattr(error, "detail", "") or getattr(error, "title", "")
    known_code = f", code {code}" if code and code != status else ""
    response = redacted(f"{type(error).__name__}: HTTP {status}{known_code}: {said}", *secrets)
    if code == OPTED_OUT:
        return Outcome.failed(notification, response, opt_out=True)
    if code in NUMBER_IS_NO_GOOD:
        return Outcome.failed(notification, response, deactivate_record=True)
    if code in TRY_LATER:
        wait_until = not_before(answer.headers.get("Retry-After"))
        return Outcome.retry(notification, response, not_before=wait_until)
    if code == AUTHENTICATION_FAILED:
        raise TargetUnavailable(f"{response} {CORRECT_SETTINGS}")
    if code in CODES_OF_MESSAGES and 400 <= status < 500 and status != 429:
        return Outcome.failed(notification, response)
    return outcome_of_status(notification, status, response, answer.headers)


def _integer(error: TwilioException, name: str) -> int:
    value = getattr(error, name, 0)
    return value if isinstance(value, int) else 0
