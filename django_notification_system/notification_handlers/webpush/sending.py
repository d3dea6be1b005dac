"""Sends push messages to browsers: encrypted for each, several at once on kept connections."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.utils import timezone
from django.utils.translation import gettext as _

try:
    import requests

    from .encryption import encrypt
except ImportError as error:
    raise ImportError(
        f"The client for Web Push cannot be imported ({error}):"
        " pip install 'django-notification-system[webpush]'"
    ) from error

from ...delivery.handlers.send_one import send_and_save
from ...exceptions import TargetUnavailable
from ...models import Notification
from ..base import Outcome, begin_sending, provider_call
from ..faults import outcome_of_fault
from ..http.session import REQUEST_FAILURES, open_session, password_of, split_base_url
from ..parallel import side_by_side
from ..redaction import redacted, sent_forms
from .answers import (
    describe_answer,
    describe_error,
    trouble_of_answer,
    trouble_without_answer,
)
from .describe import MAKE_KEYS, RIGHT_KEY, too_long
from .faults import TAKEN, classify
from .message import LONGEST_PLAINTEXT, WrongExtra, headers_of, payload_of
from .settings import WebpushSettings, webpush_settings
from .subscription import Subscription, UnusableSubscription, subscription_from
from .vapid import NotAVapidKey, VapidHeaders, vapid_headers

SENT = "The push service has taken the message."


def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    """Send push messages; see ``Handler.deliver()``.

    Raises:
        TargetUnavailable: When a setting is missing or wrong.
    """
    settings = webpush_settings()
    headers = _headers(settings)
    with open_session(settings.connections, hides_addresses=True) as session:
        # Without this, a .netrc file's entry for the host would replace the header.
        session.auth = lambda request: request
        sender = Sender(settings, session, headers)
        prepared = (_prepare(notification, settings) for notification in notifications)
        yield from side_by_side(sender.send, prepared, workers=settings.connections)


def send_notification(notification: Notification) -> str:
    """Send one push message and save the outcome, as in release 1.5.3.

    Args:
        notification: The notification, of any status and time.

    Returns:
        The response.

    Raises:
        TargetUnavailable: When a setting is missing or wrong; nothing is saved.
    """
    return send_and_save(deliver, notification)


@dataclass(frozen=True, kw_only=True)
class Push:
    """A notification, read in full where the database may be used.

    Attributes:
        notification: The notification.
        subscription: Where the message goes; ``None`` where it cannot be sent.
        payload: The message before encryption.
        headers: The headers for the push service.
        fault: Why the message cannot be sent, or an empty text.
        if_all_alike: The next step where no message of the run can be sent for this reason.
    """

    notification: Notification
    subscription: Subscription | None = field(default=None, repr=False)
    payload: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""
    if_all_alike: str = ""


class Sender:
    """Encrypts and sends messages, from any thread, on the connections of one session.

    Args:
        settings: The target's settings.
        session: The session.
        headers: The site's credentials.
    """

    def __init__(
        self, settings: WebpushSettings, session: requests.Session, headers: VapidHeaders
    ) -> None:
        self._settings = settings
        self._session = session
        self._headers = headers
        stand_in = settings.stand_in_url
        self._stand_in = split_base_url(stand_in).geturl().rstrip("/") if stand_in else ""

    def send(self, push: Push) -> Iterator[Outcome]:
        """Send a message; a message that cannot be sent never leaves this program.

        Args:
            push: The message.
        """
        if push.subscription is None:
            yield Outcome.failed(
                push.notification, f"Not sent: {push.fault}", if_all_alike=push.if_all_alike
            )
        else:
            yield self._send(push, push.subscription)

    def _send(self, push: Push, subscription: Subscription) -> Outcome:
        notification = push.notification
        try:
            body = encrypt(push.payload, subscription)
        except Exception as error:  # of pywebpush, http_ece or cryptography; a text may quote
            return Outcome.failed(
                notification, f"Not sent: {type(error).__name__} while encrypting the message."
            )
        begin_sending(notification)
        authorization = self._headers.header_for(subscription.origin)
        secrets = [authorization, authorization.partition(" ")[2], *_secrets(subscription)]
        try:
            with provider_call("webpush", (notification,), subscription.host):
                answer = self._post(push, body, subscription, authorization)
        except REQUEST_FAILURES as error:
            fault = classify(trouble_without_answer(error, subscription.host), notification)
            said = describe_error(error, subscription.host)
            return outcome_of_fault(
                notification, fault, self._redacted(said, secrets, notification)
            )
        if answer.status_code in TAKEN:
            return Outcome.delivered(
                notification, SENT, provider_message_id=_message_id(answer, subscription)
            )
        fault = classify(trouble_of_answer(answer, subscription.host), notification)
        said = f"{subscription.host} says {describe_answer(answer)}."
        return outcome_of_fault(
            notification, fault, self._redacted(said, secrets, notification), answer.headers
        )

    def _post(
        self, push: Push, body: bytes, subscription: Subscription, authorization: str
    ) -> requests.Response:
        headers = {**push.headers, "Authorization": authorization}
        url = subscription.endpoint
        if self._stand_in:
            parts = urlsplit(url)
            url = self._stand_in + parts._replace(scheme="", netloc="").geturl()
            headers["Host"] = subscription.host
        return self._session.post(
            url, data=body, headers=headers, timeout=self._settings.timeout, allow_redirects=False
        )

    def _redacted(self, said: str, secrets: Iterable[str], notification: Notification) -> str:
        bodies = [
            form
            for text in (notification.title, notification.body)
            for form in sent_forms(text or "")
        ]
        hidden = [self._settings.vapid_private_key, password_of(self._stand_in), *secrets]
        return redacted(said, hidden, bodies=bodies)


def _headers(settings: WebpushSettings) -> VapidHeaders:
    for name in ("vapid_private_key", "subject"):
        if not getattr(settings, name):
            raise TargetUnavailable(
                _("Set %(option)s in NOTIFICATION_SYSTEM_TARGETS['webpush'].") % {"option": name}
                + (f" {MAKE_KEYS}." if name == "vapid_private_key" else "")
            )
    try:
        return vapid_headers(settings.vapid_private_key, settings.subject)
    except NotAVapidKey as fault:
        raise TargetUnavailable(
            f"vapid_private_key in NOTIFICATION_SYSTEM_TARGETS['webpush'] {fault}. {RIGHT_KEY}"
        ) from None


def _prepare(notification: Notification, settings: WebpushSettings) -> Push:
    extra = notification.extra if isinstance(notification.extra, dict) else {}
    try:
        subscription = subscription_from(
            notification.target_user_record.details, settings.push_services
        )
        payload = payload_of(notification.title, notification.body, extra)
    except UnusableSubscription as error:
        return Push(
            notification=notification,
            fault=f"{error}. {error.next_step}",
            # Else a host that somebody took out by mistake would cost all its messages.
            if_all_alike=_("Correct push_services in the target's settings."),
        )
    except WrongExtra as error:
        return Push(notification=notification, fault=str(error))
    if len(payload) > LONGEST_PLAINTEXT:
        return Push(notification=notification, fault=too_long(len(payload)))
    headers = headers_of(extra, settings)
    if notification.expires_at is not None:
        left = int((notification.expires_at - timezone.now()).total_seconds())
        headers["TTL"] = str(max(0, min(int(headers["TTL"]), left)))
    return Push(
        notification=notification, subscription=subscription, payload=payload, headers=headers
    )


def _message_id(answer: requests.Response, subscription: Subscription) -> str:
    """Return the push service's name for the message.

    The name is a URL by which the message can be withdrawn (RFC 8030, section 6.3); only its last
    part is kept, and not where that is the subscription's own secret.
    """
    try:
        path = urlsplit(answer.headers.get("Location", "")).path
    except ValueError:  # no address; the message is taken all the same
        return ""
    name = path.rstrip("/").rpartition("/")[2]
    return "" if name in subscription.endpoint else name[:200]


def _secrets(subscription: Subscription) -> Iterator[str]:
    yield subscription.endpoint
    yield subscription.endpoint.partition(subscription.host)[2]
    yield subscription.endpoint.rpartition("/")[2]
    yield subscription.p256dh
    yield subscription.auth
