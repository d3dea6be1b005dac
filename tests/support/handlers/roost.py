"""A target whose provider has receipts; a test gives the answers."""

from collections.abc import Callable, Iterable, Iterator

from django_notification_system.models import Notification
from django_notification_system.notification_handlers.base import Outcome, Receipt

#: The names asked about, a list for every question.
asked: list[list[str]] = []
#: The provider's answers.
answers: list[Callable[[list[str]], Iterator[Receipt]]] = []


def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    """Take every notification, with the title as its name."""
    for notification in notifications:
        yield Outcome.delivered(
            notification,
            "Perched.",
            provider_message_id=notification.title,
            awaits_receipt=True,
        )


def fetch_receipts(message_ids: Iterable[str]) -> Iterator[Receipt]:
    """Answer as the test wants."""
    names = list(message_ids)
    asked.append(names)
    yield from answers[-1](names) if answers else ()
