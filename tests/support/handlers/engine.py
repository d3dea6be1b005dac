"""No handler, but a task engine as ``NOTIFICATION_SYSTEM["ENGINE"]`` names one."""

from django_notification_system.delivery.handover import BatchMessage


def enqueue(batch: BatchMessage) -> None:
    raise NotImplementedError
