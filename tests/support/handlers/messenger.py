"""No handler, but a task engine of a project's own, which keeps a list of what it is given."""

from collections.abc import Callable

from django_notification_system.delivery.handover import BatchMessage

#: What it was given, in order; tests clear it.
given: list[BatchMessage] = []
#: Called with each batch before it is taken.
watchers: list[Callable[[BatchMessage], None]] = []


def enqueue(batch: BatchMessage) -> None:
    for watch in watchers:
        watch(batch)
    given.append(batch)
