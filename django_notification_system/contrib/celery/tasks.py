"""The tasks of Celery's workers. Each is short of options on purpose: the settings have them."""

import logging
from collections.abc import Sequence
from typing import Any

from celery import current_task, shared_task
from django.db import router

from ...conf import engine_settings
from ...delivery.claims.pause import is_paused
from ...delivery.claims.targets import targets_named
from ...delivery.handover import engine as handover
from ...delivery.handover.engine import BatchMessage
from ...delivery.receipts.fetch import fetch_receipts as ask_for_receipts
from ...models import Notification

logger = logging.getLogger("django_notification_system")

#: What comes back after a broker's restart gets a second try: the first finds out that the
#: connection is an old one. More would keep a web request waiting while the broker is down.
RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
#: How much longer than its soft time limit a task may take to record what was in flight, in
#: seconds: as long as a run waits for its handlers and for the database, and some to spare.
WIND_UP_SECONDS = 90


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def hand_over_due(targets: Sequence[str] | None = None, using: str | None = None) -> None:
    """Claim what is due and send it to the workers; for Celery beat, every few seconds.

    Args:
        targets: Only targets of these names or module names; all by default.
        using: The alias of the database that holds the notifications; by default the router's.

    Raises:
        HandOverFailed: When the broker does not take a batch.
        NotificationSystemError: When a target name is unknown.
    """
    handover.hand_over_due(send, target_names=targets, using=using)


@shared_task(  # type: ignore[untyped-decorator]
    ignore_result=True,
    # Only when it is done, and again after a worker was killed: a batch that was not taken over is
    # delivered at once. One that was holds nothing, and is due again when its lease ends.
    acks_late=True,
    reject_on_worker_lost=True,
)
def deliver(message: dict[str, Any]) -> None:
    """Deliver one batch, and send the next of its target to the workers.

    Args:
        message: The batch, as ``BatchMessage.as_dict()`` returns it.
    """
    batch = BatchMessage.from_dict(message)
    summary = handover.deliver_batch(batch, stop_after=engine_settings().lease_seconds)
    logger.info("%s: %s.", batch.target, dict(summary.statuses) or "the batch holds nothing")
    if not current_task.request.is_eager:  # each would be delivered within the one before
        handover.hand_over_next(batch, summary, send)


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def fetch_receipts(targets: Sequence[str] | None = None, using: str | None = None) -> None:
    """Ask providers what became of messages that they took; for Celery beat, every few minutes.

    Args:
        targets: Only targets of these names or module names; all by default.
        using: The alias of the database that holds the notifications; by default the router's.

    Raises:
        NotificationSystemError: When a target name is unknown.
    """
    using = using or router.db_for_write(Notification)
    usable = [t for t in targets_named(targets or (), using=using) if not is_paused(t)]
    for problem in ask_for_receipts(usable, using=using).problems.values():
        logger.warning("%s", problem)


def send(batch: BatchMessage) -> None:
    """Send a batch to the workers.

    A task begins nothing more once it has taken as long as a lease lasts, and ends by itself soon
    after: within another lease a run leaves a handler behind that hangs. The limits are for what
    goes wrong beyond that.

    Raises:
        Exception: When the broker cannot be reached.
    """
    soft_limit = 2 * engine_settings().lease_seconds
    deliver.apply_async(
        args=[batch.as_dict()],
        retry=True,
        retry_policy=RETRY_POLICY,
        soft_time_limit=soft_limit,
        time_limit=soft_limit + WIND_UP_SECONDS,
    )
