"""No handler, but a task engine for ``NOTIFICATION_SYSTEM["ENGINE"]``."""

from django_notification_system.delivery.handover import BatchMessage


def enqueue(batch: BatchMessage) -> None:
    raise NotImplementedError
