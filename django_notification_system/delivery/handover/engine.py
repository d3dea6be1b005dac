"""Between this app and a task engine: hand over due notifications, deliver received batches.

An engine needs two functions: the first sends a ``BatchMessage`` to the engine's workers; the
second, called by a worker, passes the batch to ``deliver_batch()``. No notification depends on the
engine: a batch that the engine loses is due again when the lease ends, and a batch that comes twice
is delivered once.
"""

import logging
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from ...conf import ENGINE, engine_settings
from ...database import patiently
from ...exceptions import HandOverFailed, NotificationSystemError, TargetUnavailable
from ...models import NotificationTarget
from ...modules import import_dotted
from ...outcome import one_line
from ..claims.due import Due
from ..claims.levels import with_highest_priority
from ..claims.pause import is_paused
from ..runs.run import Run
from ..runs.sources import RETRY_AFTER, HandedOverSource
from .message import BatchMessage, claim_batches, claim_in_turn, give_back

logger = logging.getLogger("django_notification_system")

#: Sends a batch to an engine's workers, or raises.
Enqueue = Callable[[BatchMessage], object]


@dataclass(frozen=True)
class Summary:
    """The result of a batch.

    Attributes:
        taken: How many rows the batch still had; zero where another process has delivered the
            batch.
        statuses: How many notifications have each status now.
        problem: Why the target could not be used, or ``None``.
    """

    taken: int = 0
    statuses: Mapping[str, int] = field(default_factory=dict)
    problem: str | None = None


def deliver_batch(batch: BatchMessage, *, stop_after: float | None = None) -> Summary:
    """Deliver the rows that a batch still has, as a run would, and no other rows.

    The first process takes the batch over. So a broker may bring the batch twice, and two processes
    may have the batch at once. A batch with an ended lease has no rows.

    Args:
        batch: The claimed batch.
        stop_after: Seconds after which no further message is begun: messages in flight are finished
            and recorded, the other rows released.

    Returns:
        How many rows the batch had, and their statuses now.

    Raises:
        DatabaseError: When the database is out of reach for longer than a run waits.
    """
    targets = NotificationTarget.objects.using(batch.using).filter(pk=batch.target_id)
    target = patiently(targets.first, using=batch.using)
    if target is None:
        return Summary()  # the target was deleted, with all its notifications
    keys = [uuid.UUID(key) for key in batch.keys]
    due_by = timezone.now()
    if batch.due_at:
        due_by = max(due_by, datetime.fromisoformat(batch.due_at))
    source = HandedOverSource(
        target, uuid.UUID(batch.token), keys, due_by=due_by, using=batch.using
    )
    run = Run(using=batch.using, source=source)
    statuses: Counter[str] = Counter()
    try:
        with _stopped_after(stop_after, run), closing(iter(run)) as attempts:
            for attempt in attempts:
                statuses[attempt.notification.status] += 1
    finally:
        if not source.is_taken:
            source.release()
    problem = run.problems.get(target.name) or run.paused.get(target.name)
    if problem is not None:
        logger.warning("%s", problem)
    return Summary(source.size, statuses, problem)


def hand_over(batches: Iterable[BatchMessage], enqueue: Enqueue) -> int:
    """Hand batches to a task engine, one by one as they are claimed.

    Args:
        batches: From ``claim_batches()`` or ``claim_notifications()``.
        enqueue: Sends a batch to the engine's workers.

    Returns:
        How many notifications were handed over.

    Raises:
        HandOverFailed: When ``enqueue`` raises: the broker is down, mostly. The batch's rows are
            free again, and no further batch is claimed.
    """
    number = 0
    for batch in batches:
        try:
            enqueue(batch)
        except BaseException as error:
            # Should the message have arrived all the same, its batch has no rows.
            give_back(batch)
            if not isinstance(error, Exception):
                raise
            # A ValueError about a malformed address of a broker quotes the address, with the
            # password.
            quotes_address = isinstance(error, ValueError)
            reason = type(error).__name__ if quotes_address else one_line(error).rstrip(".")
            question = "Is the broker's address right?" if quotes_address else "Is the broker up?"
            raise HandOverFailed(
                f"The task engine did not take a batch of {batch.size} notifications of target"
                f" {batch.target!r}: {reason}. They are due as before, and the next run takes them."
                f" {question}"
            ) from (None if quotes_address else error)
        number += batch.size
    return number


def hand_over_due(
    enqueue: Enqueue,
    *,
    target_names: Sequence[str] | None = None,
    using: str | None = None,
    most: int | None = None,
) -> int:
    """Claim due notifications and hand them to a task engine; a schedule calls this often.

    Call this function outside of transactions: workers cannot see uncommitted claims. All arguments
    except ``enqueue`` are passed on to ``claim_batches()``.

    Args:
        enqueue: Sends a batch to the engine's workers.
        target_names: Only targets of these names or module names; all by default.
        using: The alias of the database that holds the notifications; by default the router's.
        most: The largest number of batches of a target.

    Returns:
        How many notifications were handed over.

    Raises:
        HandOverFailed: When ``enqueue`` raises.
        NotificationSystemError: When a target name is unknown.
    """
    return hand_over(claim_batches(target_names, using=using, most=most), enqueue)


def hand_over_next(delivered: BatchMessage, summary: Summary, enqueue: Enqueue) -> int:
    """Hand over another batch in the place of a delivered batch.

    So workers stay busy from one call of ``hand_over_due()`` to the next, and the number of batches
    in flight stays the same. After a batch whose target cannot be used, or that delivered nothing,
    no batch follows. A retry due within the last minute waits for the next call of
    ``hand_over_due()``. Where the engine refuses the next batch, the log has the error, and the
    delivered batch stays delivered.

    Args:
        delivered: The delivered batch.
        summary: The delivered batch's result.
        enqueue: Sends a batch to the engine's workers.

    Returns:
        How many notifications were handed over.
    """
    if not summary.taken or summary.problem is not None:
        return 0
    targets = NotificationTarget.objects.using(delivered.using).filter(pk=delivered.target_id)
    current = patiently(
        lambda: list(with_highest_priority(targets, using=delivered.using)), using=delivered.using
    )
    usable = [target for target in current if not is_paused(target)]
    now = timezone.now()
    # Without an interval, all attempts would be made within a second.
    dues = [
        Due(target=target, due_by=now, retries_due_by=now - RETRY_AFTER, using=delivered.using)
        for target in usable
    ]
    batches = claim_in_turn(dues, most=1)
    try:
        return hand_over(batches, enqueue)
    except HandOverFailed as error:
        logger.error("%s", error)
        return 0


def find_engine() -> Enqueue:
    """Return ``enqueue()`` of the module that ``NOTIFICATION_SYSTEM["ENGINE"]`` names.

    Raises:
        NotificationSystemError: When the setting is empty, or names no module with an
            ``enqueue()``.
    """
    dotted = engine_settings().engine
    if dotted is None:
        raise NotificationSystemError(
            f"{ENGINE}['ENGINE'] names no task engine. Name the module that has its enqueue(),"
            " such as 'django_notification_system.contrib.celery'."
        )
    try:
        module = import_dotted(dotted)
    except TargetUnavailable as error:
        raise NotificationSystemError(f"{ENGINE}['ENGINE']: {error}") from error
    enqueue: Enqueue | None = getattr(module, "enqueue", None)
    if not callable(enqueue):
        raise NotificationSystemError(
            f"{ENGINE}['ENGINE']: {dotted} has no enqueue(batch). Add it."
        )
    return enqueue


@contextmanager
def _stopped_after(seconds: float | None, run: Run) -> Iterator[None]:
    """Stop a run after a number of seconds, or never for ``None``."""
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, run.stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
