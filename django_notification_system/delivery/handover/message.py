"""Claims for another process: the message for a task engine, and the claims behind it.

A message has only the keys of rows, without text or address. The keys are needed besides the
claim's token, because no index has the token, and an index would cost every claim more than the
keys cost here.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from itertools import islice
from typing import Any, Self

from django.db import router
from django.db.models import Count, Q
from django.utils import timezone

from ...conf import EngineSettings, engine_settings
from ...database import patiently
from ...models import Notification, NotificationTarget
from ...models.expressions import DatabaseNow
from ...targets import target_settings
from ..claims.claim import Claim, claim_keys, mark
from ..claims.due import free_or_not, targets_with_due
from ..claims.levels import Levels
from ..claims.order import first_of, rank_in_database
from ..claims.pause import is_paused
from ..claims.rate import LONGEST_RATE_WAIT_SECONDS, share
from ..claims.targets import targets_named
from ..handlers.redirect import is_held


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
        """Make a batch from the return value of ``as_dict()``, maybe of another release."""
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
        most: At most so many batches of a target. By default, as many as bring the claimed and
            undelivered batches to ``NOTIFICATION_SYSTEM["IN_FLIGHT"]``: a batch that waits in a
            broker until the lease has ended was handed over in vain.

    Yields:
        The claimed batches.

    Raises:
        NotificationSystemError: When a target name is unknown.
    """
    using = using or router.db_for_write(Notification)
    due_at = timezone.now()
    named = targets_named(target_names or (), using=using)
    targets = [
        target
        for target in targets_with_due(named, due_at, using=using)
        if not is_paused(target) and not is_held(target)
    ]
    yield from claim_in_turn(targets, due_at, using=using, most=most)


def claim_in_turn(
    targets: Sequence[NotificationTarget],
    due_at: datetime,
    *,
    retries_due_at: datetime | None = None,
    using: str,
    most: int | None = None,
) -> Iterator[BatchMessage]:
    """Claim a batch of every target, again and again, until no target has due rows left."""
    settings = engine_settings()
    sources = [
        _batches_of(target, due_at, retries_due_at, settings, using=using, most=most)
        for target in targets
    ]
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
    due_at = timezone.now()
    room = settings.in_flight
    for some in _parts(ids, settings.batch_size):
        for target, keys in _free_by_target(some, due_at, using=using):
            for part in _parts(keys, _batch_size(target, settings)):
                if room <= 0:
                    return
                token = uuid.uuid4()
                if _mark_alone(part, token, due_at, settings, using=using):
                    room -= 1
                    yield _batch(token, target, part, due_at, using=using)


def give_back(batch: BatchMessage) -> int:
    """Release a batch at once, because no process will deliver it.

    Returns:
        How many rows were released: none that another process has begun to deliver.
    """
    claim = Claim(uuid.UUID(batch.token), [], batch.using, is_counted=False)
    return claim.release(map(uuid.UUID, batch.keys))


def _batches_of(
    target: NotificationTarget,
    due_at: datetime,
    retries_due_at: datetime | None,
    settings: EngineSettings,
    *,
    using: str,
    most: int | None,
) -> Iterator[BatchMessage]:
    batch_size = _batch_size(target, settings)
    levels = Levels(target, using=using)
    if most is None:
        room = _room(target, due_at, settings, levels, using=using)
    else:
        room = batch_size * most
    while room > 0:
        size = min(batch_size, room)
        token, keys = claim_keys(
            target,
            due_at=due_at,
            retries_due_at=retries_due_at,
            size=size,
            lease_seconds=settings.lease_seconds,
            using=using,
            levels=levels,
        )
        if keys:
            yield _batch(token, target, keys, due_at, using=using)
        if not keys or (len(keys) < size and not levels.has_interrupted):
            return
        room -= size


def _batch_size(target: NotificationTarget, settings: EngineSettings) -> int:
    """Return how many rows a process can deliver without a long wait for the target's rate."""
    seconds_each = target_settings(target.notification_module_name).seconds_each
    return share(seconds_each, settings.batch_size) if seconds_each else settings.batch_size


def _room(
    target: NotificationTarget,
    due_at: datetime,
    settings: EngineSettings,
    levels: Levels,
    *,
    using: str,
) -> int:
    """Return how many rows may be claimed before the task engine has its fill.

    Claimed rows are counted only among the rows that go first, where most of them are: no index has
    claimed rows, and a scan of all due rows takes the longer, the more rows are due. So while more
    rows are due than may be handed over, two kinds may be missed: rows handed over on commit, and
    rows claimed before as many of a higher priority came.
    """
    most = settings.in_flight * settings.batch_size
    if seconds_each := target_settings(target.notification_module_name).seconds_each:
        # A process that would wait for longer releases its batch.
        in_time = int(LONGEST_RATE_WAIT_SECONDS / seconds_each)
        most = min(most, max(in_time, _batch_size(target, settings)))
    is_held = Q(claimed_until__gte=DatabaseNow())

    def count() -> int:
        parts, _ = first_of(target, due_at, most, levels, using=using, rows_of=free_or_not)
        first = (rows.values("claimed_until")[:number] for rows, number in parts)
        counts = (rows.aggregate(held=Count("claimed_until", filter=is_held)) for rows in first)
        return sum(count["held"] for count in counts)

    return most - patiently(count, using=using)


def _parts(keys: Iterable[uuid.UUID], size: int) -> Iterator[list[uuid.UUID]]:
    rest = iter(keys)
    while part := list(islice(rest, size)):
        yield part


def _free_by_target(
    ids: Sequence[uuid.UUID], due_at: datetime, *, using: str
) -> list[tuple[NotificationTarget, list[uuid.UUID]]]:
    """Return the due and free keys, by target, of targets that can be used."""
    rows = Notification.objects.using(using).filter(pk__in=ids).due(due_at).unclaimed()
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
        and not is_held(usable[target_id])
    ]


def _mark_alone(
    keys: list[uuid.UUID],
    token: uuid.UUID,
    due_at: datetime,
    settings: EngineSettings,
    *,
    using: str,
) -> int:
    claim = Claim(token, [], using, is_counted=False)

    def mark_some() -> int:
        claim.give_back_unanswered()
        claim.marking = keys
        return mark(
            keys, token, settings.lease_seconds, using, still_due_at=due_at, is_counted=False
        )

    return patiently(mark_some, using=using)


def _batch(
    token: uuid.UUID,
    target: NotificationTarget,
    keys: Iterable[uuid.UUID],
    due_at: datetime,
    *,
    using: str,
) -> BatchMessage:
    return BatchMessage(
        token=str(token),
        target=target.name,
        module_name=target.notification_module_name,
        target_id=str(target.pk),
        using=using,
        keys=tuple(str(key) for key in keys),
        due_at=due_at.isoformat(),
    )
