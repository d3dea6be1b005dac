"""A handler that takes many notifications in the test's way, and notes every call."""

from collections.abc import Callable, Iterable, Iterator

from django_notification_system.models import Notification
from django_notification_system.notification_handlers.base import Outcome

Behave = Callable[[Iterable[Notification]], Iterator[Outcome]]


def one_after_another(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    for notification in notifications:
        yield Outcome.delivered(notification, "Sent.")


behave: Behave = one_after_another
#: How many notifications a call of ``deliver()`` took, call by call.
taken: list[int] = []


def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    taken.append(0)

    def counted() -> Iterator[Notification]:
        for notification in notifications:
            taken[-1] += 1
            yield notification

    yield from behave(counted())
