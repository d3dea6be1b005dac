"""The tasks of Celery's workers, with few options: the settings hold the rest."""

import logging
from collections.abc import Sequence
from typing import Any

from celery import current_task, shared_task
from django.db import router

from ...conf import engine_settings
from ...delivery.claims.pause import is_paused
from ...delivery.claims.targets import targets_named
from ...delivery.handover import BatchMessage
from ...delivery.handover import engine as handover
from ...delivery.receipts.fetch import fetch_receipts as ask_for_receipts
from ...models import Notification

logger = logging.getLogger("django_notification_system")

#: One second try for a connection from before a broker's restart: only the first try finds out that
#: the connection is dead. More would keep a web request waiting while the broker is down.
RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
#: Seconds between a task's soft and hard limit, in which the task records outcomes: as long as a
#: run waits for its handlers and for the database, plus a reserve.
SECONDS_TO_HARD_LIMIT = 90


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def hand_over_due(targets: Sequence[str] | None = None, using: str | None = None) -> None:
    """Claim the due notifications and send them to the workers; for Celery beat, every few seconds.

    Args:
        targets: Names or module names of targets; all targets by default.
        using: The alias of the notifications' database; by default the router's.

    Raises:
        HandOverFailed: When the broker does not take a batch.
        NotificationSystemError: When a target name is unknown.
    """
    handover.hand_over_due(send, target_names=targets, using=using)


@shared_task(  # type: ignore[untyped-decorator]
    ignore_result=True,
    # Acknowledge the message at the end, and repeat the task after a worker was killed: a batch
    # that the worker had not yet taken over is then delivered at once. A batch taken over before
    # holds no rows any more; the rows are due again when the lease ends.
    acks_late=True,
    reject_on_worker_lost=True,
)
def deliver(message: dict[str, Any]) -> None:
    """Deliver one batch, and send the target's next batch to the workers.

    Args:
        message: The batch, from ``BatchMessage.as_dict()``.
    """
    batch = BatchMessage.from_dict(message)
    summary = handover.deliver_batch(batch, stop_after=engine_settings().lease_seconds)
    logger.info("%s: %s.", batch.target, dict(summary.statuses) or "the batch holds nothing")
    if not current_task.request.is_eager:  # else each batch would run within the one before
        handover.hand_over_next(batch, summary, send)


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def fetch_receipts(targets: Sequence[str] | None = None, using: str | None = None) -> None:
    """Ask providers for the receipts that are due; for Celery beat, every few minutes.

    Args:
        targets: Names or module names of targets; all targets by default.
        using: The alias of the notifications' database; by default the router's.

    Raises:
        NotificationSystemError: When a target name is unknown.
    """
    using = using or router.db_for_write(Notification)
    usable = [t for t in targets_named(targets or (), using=using) if not is_paused(t)]
    for problem in ask_for_receipts(usable, using=using).problems.values():
        logger.warning("%s", problem)


def send(batch: BatchMessage) -> None:
    """Send a batch to the workers.

    A task begins no more sends after the length of a lease and ends soon after: a run abandons a
    hanging handler within one more lease. The time limits are for faults beyond a hanging handler.

    Args:
        batch: The batch.

    Raises:
        Exception: When the broker cannot be reached.
    """
    soft_limit = 2 * engine_settings().lease_seconds
    deliver.apply_async(
        args=[batch.as_dict()],
        retry=True,
        retry_policy=RETRY_POLICY,
        soft_time_limit=soft_limit,
        time_limit=soft_limit + SECONDS_TO_HARD_LIMIT,
    )
