from typing import Any

from myproject.background import run_in_background  # whatever runs your tasks

from django_notification_system.delivery.handover import (
    BatchMessage,
    deliver_batch,
    hand_over_next,
)


def enqueue(batch: BatchMessage) -> None:
    run_in_background(deliver, batch.as_dict())


def deliver(message: dict[str, Any]) -> None:
    batch = BatchMessage.from_dict(message)
    summary = deliver_batch(batch)
    hand_over_next(batch, summary, enqueue)
