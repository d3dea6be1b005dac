"""Claims for another process: the message for a task engine, and the claims behind it.

A message has only the keys of rows, without text or address. The keys are needed besides the
claim's token, because no index has the token, and an index would cost every claim more than the
keys cost here.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Self

from django.db import router
from django.db.models import Count, Q
from django.utils import timezone

from ...batches import batched
from ...conf import EngineSettings, engine_settings
from ...database import patiently
from ...models import Notification, NotificationTarget
from ...models.expressions import DatabaseNow
from ...targets import target_settings
from ..claims.claim import Claim
from ..claims.due import Due, all_rows, targets_with_due
from ..claims.levels import Levels
from ..claims.mark import mark
from ..claims.order import first_of, rank_in_database
from ..claims.pause import is_paused
from ..claims.rate import LONGEST_RATE_WAIT_SECONDS, reservable
from ..claims.take import take
from ..claims.targets import targets_named
from ..handlers.redirect import is_blocked


@dataclass(frozen=True)
class BatchMessage:
    """A claimed batch, waiting for the process that delivers it.

    All fields are plain text, for JSON, and free of personal data.

    Attributes:
        token: The claim's token, as in the rows.
        target: The target's name, for routing and for people.
        module_name: The target's module name, likewise.
        target_id: The target's key.
        using: The alias of the rows' database.
        keys: The rows' keys, oldest first.
        due_at: The moment by which the rows were due, in ISO 8601, by the clock of the claiming
            host. The delivering host's clock may be a second behind, and would leave the rows as
            not yet due.
    """

    token: str
    target: str
    module_name: str
    target_id: str
    using: str
    keys: tuple[str, ...]
    due_at: str = ""

    @property
    def size(self) -> int:
        """How many notifications the batch was made for."""
        return len(self.keys)

    def as_dict(self) -> dict[str, Any]:
        """Return all fields, ready for JSON."""
        return {**asdict(self), "keys": list(self.keys)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make a batch from the return value of ``as_dict()``, maybe of another release.

        Args:
            values: The dictionary, as read from the task engine's message.
        """
        known = {each.name: values[each.name] for each in fields(cls) if each.name in values}
        return cls(**{**known, "keys": tuple(known["keys"])})


def claim_batches(
    target_names: Sequence[str] | None = None, *, using: str | None = None, most: int | None = None
) -> Iterator[BatchMessage]:
    """Claim due notifications, a batch at every step of the iterator, from all targets in turn.

    So a million due emails keep no push waiting. Paused and blocked targets are left out. A target
    with a rate gets batches as small as a run's share of the rate. Users who have opted out, and
    inactive records, are skipped when the batch is delivered.

    Args:
        target_names: Only targets of these names or module names; all by default.
        using: The alias of the database that holds the notifications; by default the router's.
        most: The largest number of batches of a target. By default, as many as bring the claimed
            and undelivered batches to ``NOTIFICATION_SYSTEM["IN_FLIGHT"]``: a batch that waits in a
            broker until the lease has ended was handed over in vain.

    Yields:
        The claimed batches.

    Raises:
        NotificationSystemError: When a target name is unknown.
    """
    using = using or router.db_for_write(Notification)
    due_by = timezone.now()
    named = targets_named(target_names or (), using=using)
    targets = [
        target
        for target in targets_with_due(named, due_by, using=using)
        if not is_paused(target) and not is_blocked(target)
    ]
    dues = [Due(target=target, due_by=due_by, using=using) for target in targets]
    yield from claim_in_turn(dues, most=most)


def claim_in_turn(dues: Iterable[Due], *, most: int | None = None) -> Iterator[BatchMessage]:
    """Claim a batch of every target, again and again, until no target has due rows left.

    Args:
        dues: What is due, by target.
        most: The largest number of batches of a target; by default as ``claim_batches()`` says.

    Yields:
        The claimed batches.
    """
    settings = engine_settings()
    sources = [_batches_of(due, settings, most) for due in dues]
    while sources:
        for source in list(sources):
            batch = next(source, None)
            if batch is None:
                sources.remove(source)
            else:
                yield batch


def claim_notifications(
    ids: Iterable[uuid.UUID], *, using: str | None = None
) -> Iterator[BatchMessage]:
    """Claim the notifications with these keys that are due and free, a batch at every step.

    Args:
        ids: The notifications' keys. At most ``NOTIFICATION_SYSTEM["IN_FLIGHT"]`` batches are
            claimed; the next run takes the other notifications.
        using: The alias of the database that holds the notifications; by default the router's.

    Yields:
        The claimed batches.
    """
    using = using or router.db_for_write(Notification)
    settings = engine_settings()
    due_by = timezone.now()
    room = settings.in_flight
    for some in batched(ids, settings.batch_size):
        for target, keys in _free_by_target(some, due_by, using=using):
            for part in batched(keys, _batch_size(target, settings)):
                if room <= 0:
                    return
                token = uuid.uuid4()
                if _mark_alone(part, token, due_by, settings, using=using):
                    room -= 1
                    yield _batch(token, part, Due(target=target, due_by=due_by, using=using))


def give_back(batch: BatchMessage) -> int:
    """Release a batch at once, because no process will deliver it.

    Args:
        batch: The batch.

    Returns:
        How many rows were released: none that another process has begun to deliver.
    """
    claim = Claim(uuid.UUID(batch.token), [], batch.using, is_counted=False)
    return claim.release(map(uuid.UUID, batch.keys))


def _batches_of(due: Due, settings: EngineSettings, most: int | None) -> Iterator[BatchMessage]:
    batch_size = _batch_size(due.target, settings)
    levels = Levels(due.target, using=due.using)
    room = _room(due, settings, levels) if most is None else batch_size * most
    while room > 0:
        size = min(batch_size, room)
        claim = take(due, size, lease_seconds=settings.lease_seconds, levels=levels, reads=False)
        if claim.keys:
            yield _batch(claim.token, claim.keys, due)
        if not claim.keys or claim.is_last:
            return
        room -= size


def _batch_size(target: NotificationTarget, settings: EngineSettings) -> int:
    """Return how many rows a process can deliver without a long wait for the target's rate."""
    seconds_each = target_settings(target.notification_module_name).seconds_each
    return reservable(seconds_each, settings.batch_size) if seconds_each else settings.batch_size


def _room(due: Due, settings: EngineSettings, levels: Levels) -> int:
    """Return how many rows may be claimed before the task engine has its fill.

    Claimed rows are counted only among the rows that go first, where most of them are: no index has
    claimed rows, and a scan of all due rows takes the longer, the more rows are due. So while more
    rows are due than may be handed over, two kinds may be missed: rows handed over on commit, and
    rows claimed before as many of a higher priority came.
    """
    most = settings.in_flight * settings.batch_size
    if seconds_each := target_settings(due.target.notification_module_name).seconds_each:
        # A process that would wait for longer releases its batch.
        in_time = int(LONGEST_RATE_WAIT_SECONDS / seconds_each)
        most = min(most, max(in_time, _batch_size(due.target, settings)))
    is_claimed = Q(claimed_until__gte=DatabaseNow())

    def count() -> int:
        parts, _ = first_of(due, most, levels, rows_of=all_rows)
        first = (rows.values("claimed_until")[:number] for rows, number in parts)
        counts = (
            rows.aggregate(claimed=Count("claimed_until", filter=is_claimed)) for rows in first
        )
        return sum(count["claimed"] for count in counts)

    return most - patiently(count, using=due.using)


def _free_by_target(
    ids: Sequence[uuid.UUID], due_by: datetime, *, using: str
) -> list[tuple[NotificationTarget, list[uuid.UUID]]]:
    """Return the due and free keys, by target, of targets that can be used."""
    rows = Notification.objects.using(using).filter(pk__in=ids).due(due_by).unclaimed()
    rows = rows.filter(interruptions=0)  # interrupted rows go alone: the next run delivers them
    found = rows.order_by(rank_in_database()).values_list("target_user_record__target", "pk")
    by_target: dict[Any, list[uuid.UUID]] = {}
    for target_id, key in patiently(lambda: list(found), using=using):
        by_target.setdefault(target_id, []).append(key)
    targets = NotificationTarget.objects.using(using)
    usable = patiently(lambda: targets.in_bulk(by_target), using=using)
    return [
        (usable[target_id], keys)
        for target_id, keys in by_target.items()
        if target_id in usable
        and not is_paused(usable[target_id])
        and not is_blocked(usable[target_id])
    ]


def _mark_alone(
    keys: list[uuid.UUID],
    token: uuid.UUID,
    due_by: datetime,
    settings: EngineSettings,
    *,
    using: str,
) -> int:
    claim = Claim(token, [], using, is_counted=False)

    def mark_some() -> int:
        claim.release_unanswered()
        return mark(claim, keys, settings.lease_seconds, free_and_due_by=due_by)

    return patiently(mark_some, using=using)


def _batch(token: uuid.UUID, keys: Iterable[uuid.UUID], due: Due) -> BatchMessage:
    return BatchMessage(
        token=str(token),
        target=due.target.name,
        module_name=due.target.notification_module_name,
        target_id=str(due.target.pk),
        using=due.using,
        keys=tuple(str(key) for key in keys),
        due_at=due.due_by.isoformat(),
    )
