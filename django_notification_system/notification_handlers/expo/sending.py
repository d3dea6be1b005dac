"""Sends push notifications through Expo's client, a hundred in a request, several at once."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlunsplit

try:
    import requests
    import six  # noqa: F401 # the SDK imports it, and does not say that it needs it
    from exponent_server_sdk import PushClient as PushClient  # what the package offers
    from exponent_server_sdk import PushMessage, PushTicketError
except ImportError as error:
    raise ImportError(
        f"Expo's client cannot be imported ({error}):"
        " pip install 'django-notification-system[expo]'"
    ) from error

from ...batches import batched
from ...delivery.handlers.send_one import send_and_save
from ...models import Notification
from .. import expo as package
from ..base import Outcome, Receipt, begin_sending, provider_call
from ..faults import Verdict
from ..http.last_answer import LastAnswer
from ..http.session import password_of, server_of, split_base_url
from ..parallel import side_by_side
from ..redaction import redacted, sent_forms, texts_in
from .api import (
    API_PATH,
    describe,
    open_expo_session,
    request_errors,
    token_to_hide,
    trouble_of_request,
)
from .faults import TOO_MANY_PROJECTS, Part, Trouble, classify
from .outcomes import outcome
from .receipts import RECEIPTS_IN_A_REQUEST, ask_for_receipts
from .settings import ExpoSettings, expo_settings

#: Source: https://docs.expo.dev/push-notifications/sending-notifications/
MESSAGES_IN_A_REQUEST = 100
TOKEN_IN_BRACKETS = re.compile(r"Expo(?:nent)?PushToken\[[^\[\]]+\]")
#: Expo's own clients accept tokens of this form, too. Source: expo/expo-server-sdk-node,
#: src/ExpoClient.ts, isExpoPushToken()
TOKEN_OF_DIGITS = re.compile(
    r"[a-z\d]{8}-[a-z\d]{4}-[a-z\d]{4}-[a-z\d]{4}-[a-z\d]{12}", re.I | re.A
)

#: Fields that ``extra`` may add to a message, by Expo's names.
EXTRA_FIELDS = (
    "data",
    "sound",
    "ttl",
    "expiration",
    "priority",
    "badge",
    "channel_id",
    "subtitle",
    "category",
    "mutable_content",
)
NAMES_IN_PAYLOAD = {
    "channel_id": "channelId",
    "category": "categoryId",
    "mutable_content": "mutableContent",
}


def is_token(address: str) -> bool:
    """Return whether an address has the form of a push token.

    A push to another address fails. The record stays on: a form says nothing about a device, and
    Expo may come to give tokens of another form.

    Args:
        address: The record's address.
    """
    return bool(TOKEN_IN_BRACKETS.fullmatch(address) or TOKEN_OF_DIGITS.fullmatch(address))


def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    """Send push notifications; see ``Handler.deliver()``.

    Raises:
        TargetUnavailable: When Expo refuses the project's access token.
    """
    settings = expo_settings()
    with open_expo_session(settings) as session:
        sender = Sender(settings, session)
        batches = batched(map(_prepare, notifications), MESSAGES_IN_A_REQUEST)
        yield from side_by_side(sender.send, batches, workers=settings.connections)


def fetch_receipts(message_ids: Iterable[str]) -> Iterator[Receipt]:
    """Ask Expo for the receipts of Apple and Google; see ``FetchReceipts``.

    Raises:
        TargetUnavailable: When Expo cannot be asked now, or refuses the project's access token.
    """
    settings = expo_settings()
    with open_expo_session(settings) as session:
        asking = partial(ask_for_receipts, settings, session)
        batches = batched(message_ids, RECEIPTS_IN_A_REQUEST)
        yield from side_by_side(asking, batches, workers=settings.connections)


def send_notification(notification: Notification) -> str:
    """Send one push notification and save the outcome, as in release 1.5.3.

    Args:
        notification: The notification, of any status and time.

    Returns:
        The response: ``Notification Successfully Pushed!`` or the failure.

    Raises:
        TargetUnavailable: When Expo refuses the project's access token; nothing is saved.
    """
    return send_and_save(deliver, notification)


class Message(PushMessage):  # type: ignore[misc] # the package has no types
    """A message to any kind of Expo token; the SDK's own knows only ``ExponentPushToken``."""

    __slots__ = ()

    def get_payload(self) -> dict[str, Any]:
        """Return the message as part of the request's JSON."""
        return {
            NAMES_IN_PAYLOAD.get(name, name): value
            for name, value in self._asdict().items()
            if value is not None
        }


@dataclass(frozen=True)
class Push:
    """A notification, read in full where the database may be used."""

    notification: Notification
    message: Message = field(repr=False)


class Sender:
    """Sends batches, from any thread, on the connections of one session."""

    def __init__(self, settings: ExpoSettings, session: requests.Session) -> None:
        self.access_token = settings.access_token
        self.password = password_of(settings.base_url)
        self.answer = LastAnswer()
        self.answer.listen_to(session)
        base = split_base_url(settings.base_url)
        self.server = server_of(base)
        # From the package, where a project's tests put another client in its place.
        self.client = package.PushClient(
            host=urlunsplit((base.scheme, base.netloc, "", "", "")),
            api_url=base.path.rstrip("/") + API_PATH,
        )
        # Set as attributes: a project's tests may replace the client by a class without these
        # arguments.
        self.client.session = session
        self.client.timeout = settings.timeout

    def send(self, batch: Sequence[Push]) -> Iterator[Outcome]:
        """Send a batch; an address without the form of a token never enters a request.

        Args:
            batch: The messages.
        """
        valid = []
        for push in batch:
            if is_token(push.message.to):
                valid.append(push)
            else:
                yield Outcome.failed(
                    push.notification,
                    "Not sent: the record's address is no Expo push token, which looks like"
                    " ExponentPushToken[...]. Correct the record.",
                )
        if valid:
            yield from self._send(valid)

    def _send(self, batch: Sequence[Push]) -> Iterator[Outcome]:
        self.answer.forget()
        notifications = [push.notification for push in batch]
        begin_sending(*notifications)
        try:
            with provider_call("expo", notifications, self.server):
                tickets = self._publish([push.message for push in batch])
        except Exception as error:
            yield from self._without_tickets(batch, error)
            return
        for push, ticket in zip(batch, tickets, strict=True):
            yield self._judge(push, ticket)

    def _publish(self, messages: Sequence[Message]) -> Sequence[Any]:
        if len(messages) == 1:
            return [self.client.publish(messages[0])]
        return list(self.client.publish_multiple(messages))

    def _without_tickets(self, batch: Sequence[Push], error: Exception) -> Iterator[Outcome]:
        """Yield the outcomes of a request that failed, or brought too few tickets."""
        answer = self.answer.response
        errors = request_errors(error)
        alone = batch[0].notification if len(batch) == 1 else None
        fault = classify(trouble_of_request(error, answer, errors), alone)
        if fault.verdict in (Verdict.SPLIT, Verdict.SPLIT_RETRY) and len(batch) > 1:
            for part in _parts(batch, errors):
                yield from self._send(part)
            return
        response = describe(error, answer, errors, self._secrets(batch), _bodies(batch))
        headers = answer.headers if answer is not None else {}
        for push in batch:
            yield outcome(push.notification, fault, response, headers)

    def _judge(self, push: Push, ticket: Any) -> Outcome:
        try:
            ticket.validate_response()
        except PushTicketError as error:
            name = _ticket_error(ticket, error)
            said = type(error).__name__
            if name not in said:
                said += f": {name}"
            response = redacted(
                f"{said}: {error.message}", self._secrets([push]), bodies=_bodies([push])
            )
            fault = classify(Trouble(Part.TICKET, frozenset({name})), push.notification)
            return outcome(push.notification, fault, response)
        except Exception as error:
            said = f"{type(error).__name__}: Expo's ticket makes no sense."
            fault = classify(Trouble(Part.TICKET), push.notification)
            return outcome(push.notification, fault, said)
        ticket_id = getattr(ticket, "id", "")
        return Outcome.delivered(
            push.notification,
            "Notification Successfully Pushed!",
            provider_message_id=ticket_id if isinstance(ticket_id, str) else "",
            awaits_receipt=True,
        )

    def _secrets(self, batch: Iterable[Push]) -> Iterator[str | None]:
        yield self.access_token
        yield self.password
        for push in batch:
            yield push.message.body
            yield push.message.title
            yield token_to_hide(push.message.to)


def _bodies(batch: Iterable[Push]) -> list[str]:
    """Return the texts that an answer may quote in part."""
    return [
        form
        for push in batch
        for text in texts_in(_quotable(push.message))
        for form in sent_forms(text)
    ]


def _quotable(message: Message) -> list[Any]:
    return [message.title, message.subtitle, message.body, message.data]


def _prepare(notification: Notification) -> Push:
    extra = notification.extra if isinstance(notification.extra, dict) else {}
    fields = {name: extra.get(name) for name in EXTRA_FIELDS}
    if fields["category"] is None:
        fields["category"] = extra.get("category_id")
    message = Message(
        to=notification.target_user_record.target_user_id,
        title=notification.title,
        body=notification.body,
        **fields,
    )
    return Push(notification, message)


def _ticket_error(ticket: Any, error: PushTicketError) -> str:
    details = getattr(ticket, "details", None)
    if isinstance(details, dict) and (name := details.get("error")):
        return str(name)
    # A project's tests may replace the client by a class whose tickets name no error.
    return type(error).__name__.removesuffix("Error")


def _parts(batch: Sequence[Push], errors: Sequence[dict[str, Any]]) -> list[Sequence[Push]]:
    """Return the parts to send instead: by project where Expo names the projects, or halves."""
    for entry in errors:
        projects = entry.get("details")
        if entry.get("code") == TOO_MANY_PROJECTS and isinstance(projects, dict):
            parts = _by_project(batch, projects)
            if len(parts) > 1:
                return parts
    middle = len(batch) // 2
    return [batch[:middle], batch[middle:]]


def _by_project(batch: Sequence[Push], projects: Mapping[str, Any]) -> list[Sequence[Push]]:
    """Return each project's messages; every message is in one part, whatever Expo names.

    Args:
        batch: The messages.
        projects: By project, Expo's list of push tokens.
    """
    project_of = {
        token: project
        for project, tokens in projects.items()
        if isinstance(tokens, list)
        for token in tokens
        if isinstance(token, str)
    }
    parts: defaultdict[str, list[Push]] = defaultdict(list)
    for push in batch:
        parts[project_of.get(push.message.to, "")].append(push)
    return list(parts.values())
