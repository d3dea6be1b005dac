"""No handler, but a task engine as ``NOTIFICATION_SYSTEM["ENGINE"]`` names one."""

from django_notification_system.delivery.handover import ClaimedBatch


def enqueue(batch: ClaimedBatch) -> None:
    raise NotImplementedError
