"""Sends messages through Apprise, several at once, each to its record's own service."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ...models import Notification
from ..base import Outcome, begin_sending, provider_call
from ..parallel import side_by_side
from ..redaction import redacted, sent_forms
from .client import Service, Told, load, open_service, send
from .faults import Problem, Trouble
from .outcomes import outcome
from .service_url import ServiceUrl, UnusableUrl, service_url
from .settings import AppriseSettings, apprise_settings


def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    """Send messages; see ``Handler.deliver()``.

    Raises:
        TargetUnavailable: When a setting is wrong.
    """
    settings = apprise_settings()
    load()
    sender = Sender(settings)
    prepared = (_prepare(notification, settings) for notification in notifications)
    yield from side_by_side(sender.send, prepared, workers=settings.connections)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A notification, read in full where the database may be used.

    Attributes:
        notification: The notification.
        place: The URL of the record's service; ``None`` where there is none to use.
        problem: What is wrong with the URL, if so.
    """

    notification: Notification
    place: ServiceUrl | None = field(default=None, repr=False)
    problem: Problem | None = None


class Sender:
    """Sends messages, from any thread.

    Args:
        settings: The target's settings.
    """

    def __init__(self, settings: AppriseSettings) -> None:
        self._settings = settings

    def send(self, prepared: Prepared) -> Iterator[Outcome]:
        """Send a message; one whose URL cannot be used never leaves this program.

        Args:
            prepared: The message.
        """
        notification = prepared.notification
        if prepared.place is None:
            yield _not_sent(notification, prepared.problem)
            return
        try:
            service = open_service(prepared.place, self._settings)
        except UnusableUrl as unusable:
            yield _not_sent(notification, unusable.problem)
            return
        begin_sending(notification)
        with provider_call("apprise", (notification,), service.name):
            told = send(
                service,
                notification.title or "",
                notification.body or "",
                timeout=self._settings.timeout,
            )
        yield _judge(notification, service, told)


def _prepare(notification: Notification, settings: AppriseSettings) -> Prepared:
    try:
        place = service_url(notification.target_user_record, settings)
    except UnusableUrl as unusable:
        return Prepared(notification=notification, problem=unusable.problem)
    return Prepared(notification=notification, place=place)


def _not_sent(notification: Notification, problem: Problem | None) -> Outcome:
    return outcome(notification, Trouble(problem=problem), "")


def _judge(notification: Notification, service: Service, told: Told) -> Outcome:
    if told.is_delivered:
        return Outcome.delivered(notification, f"{service.name} took the message.")
    trouble = Trouble(
        answer=told.answer, of_settings=service.is_trusted, has_several=service.has_several
    )
    texts = (notification.title or "", notification.body or "")
    bodies = [form for text in texts for form in sent_forms(text)]
    words = redacted(told.words, (*service.secrets, *texts), bodies=bodies)
    said = f"{service.name}: {words}" if words else ""
    return outcome(notification, trouble, said, told.retry_after)
