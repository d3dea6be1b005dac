"""No handler, but a project's own task engine, which keeps its batches in a list."""

from collections.abc import Callable

from django_notification_system.delivery.handover import BatchMessage

#: The batches, in order; tests clear the list.
given: list[BatchMessage] = []
#: Called with a batch before it is taken.
watchers: list[Callable[[BatchMessage], None]] = []


def enqueue(batch: BatchMessage) -> None:
    for watch in watchers:
        watch(batch)
    given.append(batch)
