"""Sends signed webhooks, several at once, each to its record's own URL."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

try:
    import requests
    from standardwebhooks import Webhook
except ImportError as error:
    raise ImportError(
        f"The library for webhooks cannot be imported ({error}):"
        " pip install 'django-notification-system[webhook]'"
    ) from error

from ...delivery.handlers.send_one import send_and_save
from ...models import Notification
from ..base import Outcome, begin_sending, provider_call
from ..faults import outcome_of_fault
from ..http.deadline import status_before
from ..http.last_answer import redirect_of
from ..http.public_hosts import is_not_public, open_public_session
from ..http.session import (
    REQUEST_FAILURES,
    RequestFailure,
    said_of_no_answer,
    why_no_answer,
)
from ..parallel import side_by_side
from .endpoint import Endpoint, UnusableEndpoint, endpoint_of
from .faults import NOT_PUBLIC, Trouble, classify
from .message import WrongExtra, body_of
from .settings import WebhookSettings, webhook_settings

TAKEN = "The receiver has taken the webhook."


def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    """Send webhooks; see ``Handler.deliver()``.

    Raises:
        TargetUnavailable: When a setting is wrong.
    """
    settings = webhook_settings()
    with open_public_session(settings.connections, allow_private=settings.allow_private) as session:
        sender = Sender(settings, session)
        prepared = (_prepare(notification, settings) for notification in notifications)
        yield from side_by_side(sender.send, prepared, workers=settings.connections)


def send_notification(notification: Notification) -> str:
    """Send one webhook and save the outcome, as in release 1.5.3.

    Args:
        notification: The notification, of any status and time.

    Returns:
        The response.

    Raises:
        TargetUnavailable: When a setting is wrong; nothing is saved.
    """
    return send_and_save(deliver, notification)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A notification, read in full where the database may be used.

    Attributes:
        notification: The notification.
        endpoint: Where the webhook goes; ``None`` where it cannot be sent.
        body: The webhook's body.
        fault: Why the webhook cannot be sent, or an empty text.
    """

    notification: Notification
    endpoint: Endpoint | None = field(default=None, repr=False)
    body: bytes = field(default=b"", repr=False)
    fault: str = ""


class Sender:
    """Signs and sends webhooks, from any thread, on the connections of one session.

    Args:
        settings: The target's settings.
        session: The session.
    """

    def __init__(self, settings: WebhookSettings, session: requests.Session) -> None:
        self._settings = settings
        self._session = session

    def send(self, prepared: Prepared) -> Iterator[Outcome]:
        """Send a webhook; one that cannot be sent never leaves this program.

        Args:
            prepared: The webhook.
        """
        if prepared.endpoint is None:
            yield Outcome.failed(prepared.notification, f"Not sent: {prepared.fault}")
        else:
            yield self._send(prepared, prepared.endpoint)

    def _send(self, prepared: Prepared, endpoint: Endpoint) -> Outcome:
        notification = prepared.notification
        message_id = message_id_of(notification)
        headers = signed_headers(message_id, prepared.body, endpoint.secrets, datetime.now(UTC))
        begin_sending(notification)
        try:
            with provider_call("webhook", (notification,), endpoint.host):
                answer = self._session.post(
                    endpoint.url,
                    data=prepared.body,
                    headers=headers,
                    timeout=self._settings.timeout,
                )
        except REQUEST_FAILURES as error:
            if (redirect := redirect_of(error)) is not None:
                return _judge(notification, endpoint, redirect.status_code, redirect.headers)
            if status := status_before(error):  # the body of an answer does not matter
                return _judge(notification, endpoint, status, {})
            return _failed(notification, _trouble_of(error), _said_of(error, endpoint))
        return _judge(notification, endpoint, answer.status_code, answer.headers)


def message_id_of(notification: Notification) -> str:
    """Return the name by which a receiver knows a repeated webhook: the same in every attempt.

    Args:
        notification: The notification; saved.
    """
    return f"msg_{notification.pk}"


def signed_headers(
    message_id: str, body: bytes, secrets: Iterable[str], moment: datetime
) -> dict[str, str]:
    """Return the headers of a webhook, with a signature by each secret.

    Source: Standard Webhooks, "Webhook headers".

    Args:
        message_id: The webhook's name.
        body: The very bytes of the body.
        secrets: The secrets, with their prefixes.
        moment: The moment of the attempt, in UTC: the library takes no other time zone.
    """
    text = body.decode()
    signatures = (Webhook(secret).sign(message_id, moment, text) for secret in secrets)
    return {
        "Content-Type": "application/json",
        "User-Agent": "django-notification-system",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _prepare(notification: Notification, settings: WebhookSettings) -> Prepared:
    try:
        endpoint = endpoint_of(
            notification.target_user_record.details, allow_private=settings.allow_private
        )
        body = body_of(notification)
    except UnusableEndpoint as error:
        return Prepared(notification=notification, fault=f"{error}. Correct the record.")
    except WrongExtra as error:
        return Prepared(notification=notification, fault=str(error))
    return Prepared(notification=notification, endpoint=endpoint, body=body)


def _judge(
    notification: Notification, endpoint: Endpoint, status: int, headers: Mapping[str, str]
) -> Outcome:
    if 200 <= status < 300:
        return Outcome.delivered(
            notification, TAKEN, provider_message_id=message_id_of(notification)
        )
    # Nothing of the answer's body: receivers quote requests.
    said = f"{endpoint.host} answers HTTP {status}."
    return _failed(notification, Trouble(answer=str(status)), said, headers.get("Retry-After"))


def _failed(
    notification: Notification, trouble: Trouble, said: str, retry_after: str | None = None
) -> Outcome:
    fault = classify(trouble, notification)
    return outcome_of_fault(notification, fault, said, retry_after=retry_after)


def _trouble_of(error: RequestFailure) -> Trouble:
    if is_not_public(error):
        return Trouble(answer=NOT_PUBLIC)
    return Trouble(answer=why_no_answer(error).value)


def _said_of(error: Exception, endpoint: Endpoint) -> str:
    if is_not_public(error):
        return f"{endpoint.host} is in a private network, or is this machine: nothing was sent."
    return said_of_no_answer(error)
