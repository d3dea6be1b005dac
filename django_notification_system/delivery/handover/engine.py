"""The thin layer between this app and a task engine: hand over what is due, deliver what came.

An engine needs two functions of its own: one that sends a ``BatchMessage`` to its workers, and one
that its workers call, which passes the batch to ``deliver_batch()``. Nothing depends on the engine:
what it loses is due again when the lease ends, and what it brings twice is delivered once.
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
from ..claims.levels import with_highest_priority
from ..claims.pause import is_paused
from ..runs.run import RETRY_AFTER, Run
from ..runs.sources import GivenClaim
from .message import BatchMessage, claim_batches, claim_in_turn, claim_notifications, give_back

__all__ = [
    "BatchMessage",
    "Enqueue",
    "HandOverFailed",
    "Summary",
    "claim_batches",
    "claim_notifications",
    "deliver_batch",
    "find_engine",
    "give_back",
    "hand_over",
    "hand_over_due",
    "hand_over_next",
]

logger = logging.getLogger("django_notification_system")

#: Sends a batch to an engine's workers, or raises.
Enqueue = Callable[[BatchMessage], object]


@dataclass(frozen=True)
class Summary:
    """What came of a batch.

    Attributes:
        taken: How many rows it still held; none where somebody else has delivered it.
        statuses: How many notifications have which status now.
        problem: What kept the target from being used, if anything did.
    """

    taken: int = 0
    statuses: Mapping[str, int] = field(default_factory=dict)
    problem: str | None = None


def deliver_batch(batch: BatchMessage, *, stop_after: float | None = None) -> Summary:
    """Deliver what a batch still holds, as a run would, and nothing else.

    Whoever comes first takes the batch over. So it does no harm when a broker brings it twice, or
    when two processes have it at once. A batch whose lease has ended holds nothing.

    Args:
        batch: What was claimed.
        stop_after: Begin nothing more after so many seconds: what is in flight is finished and
            recorded, the rest given back.
    """
    targets = NotificationTarget.objects.using(batch.using).filter(pk=batch.target_id)
    target = patiently(targets.first, using=batch.using)
    if target is None:
        return Summary()  # it was deleted, and the notifications with it
    keys = [uuid.UUID(key) for key in batch.keys]
    due_at = timezone.now()
    if batch.due_at:
        due_at = max(due_at, datetime.fromisoformat(batch.due_at))
    given = GivenClaim(target, uuid.UUID(batch.token), keys, due_at=due_at, using=batch.using)
    run = Run(using=batch.using, given=given)
    statuses: Counter[str] = Counter()
    try:
        with _stopped_after(stop_after, run), closing(iter(run)) as attempts:
            for attempt in attempts:
                statuses[attempt.notification.status] += 1
    finally:
        if not given.is_taken:
            given.give_back()
    problem = run.problems.get(target.name) or run.paused.get(target.name)
    if problem is not None:
        logger.warning("%s", problem)
    return Summary(given.size, statuses, problem)


def hand_over(batches: Iterable[BatchMessage], enqueue: Enqueue) -> int:
    """Hand batches to a task engine, each as soon as it is claimed.

    Args:
        batches: From ``claim_batches()`` or ``claim_notifications()``.
        enqueue: Sends one to the engine's workers.

    Returns:
        How many notifications were handed over.

    Raises:
        HandOverFailed: When ``enqueue`` raises: the broker is down, mostly. That batch is free
            again, and no more are claimed.
    """
    number = 0
    for batch in batches:
        try:
            enqueue(batch)
        except BaseException as error:
            # Should the message have arrived all the same, its batch holds nothing.
            give_back(batch)
            if not isinstance(error, Exception):
                raise
            # The text of one that finds a broker's address wrong quotes that, with its password.
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
    """Claim what is due and hand it to a task engine; what a schedule calls every few seconds.

    Call it outside of transactions: workers would come for what they cannot see as yet. The
    arguments, but for the first, are those of ``claim_batches()``.

    Args:
        enqueue: Sends a batch to the engine's workers.
        target_names: Only targets of these names or module names; all by default.
        using: The alias of the database that holds the notifications; by default the router's.
        most: At most so many batches of each target.

    Returns:
        How many notifications were handed over.

    Raises:
        HandOverFailed: When ``enqueue`` raises.
        NotificationSystemError: When a target name is unknown.
    """
    return hand_over(claim_batches(target_names, using=using, most=most), enqueue)


def hand_over_next(delivered: BatchMessage, summary: Summary, enqueue: Enqueue) -> int:
    """Hand over one more batch in the place of one that is delivered.

    So workers stay busy from one call of ``hand_over_due()`` to the next, and no more is in flight
    than before. Where the target cannot be used, or nothing was delivered, nothing follows. What
    has failed within the last minute waits for the next call of ``hand_over_due()``. An engine that
    does not take it is reported in the log: the batch before is delivered all the same.

    Args:
        delivered: The batch.
        summary: What came of it.
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
    batches = claim_in_turn(
        usable,
        now,
        # Without an interval, all attempts would be made within a second.
        retries_due_at=now - RETRY_AFTER,
        using=delivered.using,
        most=1,
    )
    try:
        return hand_over(batches, enqueue)
    except HandOverFailed as error:
        logger.error("%s", error)
        return 0


def find_engine() -> Enqueue:
    """Return ``enqueue()`` of the module that ``NOTIFICATION_SYSTEM["ENGINE"]`` names.

    Raises:
        NotificationSystemError: When there is none, or no module of that name.
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
    """Tell a run to stop when its time is over."""
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
