"""A target whose provider can be asked what became of a message; a test says what it answers."""

from collections.abc import Callable, Iterable, Iterator

from django_notification_system.models import Notification
from django_notification_system.notification_handlers.base import Outcome, Receipt

#: The names that were asked about, a list for each time.
asked: list[list[str]] = []
#: What the provider says of them.
answers: list[Callable[[list[str]], Iterator[Receipt]]] = []


def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    """Take each, under the name of its title."""
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
