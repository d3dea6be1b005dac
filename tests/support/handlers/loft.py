"""A handler that takes many notifications; a notification's title decides the outcome."""

from collections.abc import Callable, Iterable, Iterator

from django_notification_system.models import Notification
from django_notification_system.notification_handlers.base import Outcome, TargetUnavailable

#: The titles sent, in order; tests clear the list.
flown: list[str] = []
#: Called with a notification before it is sent.
watchers: list[Callable[[Notification], None]] = []


def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    for notification in notifications:
        for watch in watchers:
            watch(notification)
        title = notification.title
        if title.startswith("raise"):
            raise RuntimeError("the loft is on fire")
        if title.startswith("close"):
            raise TargetUnavailable("The loft is closed.")
        if title.startswith("forget"):
            continue
        flown.append(title)
        if title.startswith("stray"):
            yield "home"  # type: ignore[misc] # on purpose
        if title.startswith("retry"):
            yield Outcome.retry(notification, "A hawk was about.")
        elif title.startswith("fail"):
            yield Outcome.failed(notification, "There is no such loft.")
        elif title.startswith("gone"):
            yield Outcome.failed(notification, "Moved away.", deactivate_record=True)
        elif title.startswith("stop"):
            yield Outcome.failed(notification, "Wants no more.", opt_out=True)
        elif title.startswith("fog"):
            yield Outcome.unknown(notification, "Last seen in fog.")
        else:
            yield Outcome.delivered(notification, "Cooed.", provider_message_id=f"ring-{title}")
