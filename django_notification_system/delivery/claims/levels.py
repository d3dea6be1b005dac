"""The priorities among the pending rows of a target."""

import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import connections
from django.db.models import OuterRef, QuerySet, Subquery

from ...conf import engine_settings
from ...database import patiently
from ...models import Notification, NotificationTarget
from ...models.notification import HIGHEST_PRIORITY
from ...models.notification_queryset import NotificationQuerySet

#: For how many seconds the priorities are remembered.
REMEMBERED_SECONDS = 1.0
#: Attributes of a target read by ``with_highest_priority()``, by name: the pending status.
HIGHEST = {f"highest_{status.lower()}": status for status in Notification.PENDING_STATUSES}


def with_highest_priority(
    targets: "QuerySet[NotificationTarget]", *, using: str
) -> "QuerySet[NotificationTarget]":
    """Let a query for targets also return the highest priority of their pending rows.

    Args:
        targets: The query.
        using: The database's alias.
    """
    highest = {
        name: Subquery(_by_priority(OuterRef("pk"), status, using).values("priority")[:1])
        for name, status in HIGHEST.items()
    }
    return targets.annotate(**highest)


def priority_step() -> timedelta:
    """Return the wait that is worth a step of priority."""
    return timedelta(seconds=engine_settings().priority_aging)


class Levels:
    """The priorities above zero among the pending rows of a target.

    Args:
        target: The target. After ``with_highest_priority()``, only the lower priorities are read.
        using: The database's alias.

    Attributes:
        step: The wait that is worth a step of priority.
        has_interrupted: Whether a claim has met interrupted rows, which go last.
    """

    def __init__(self, target: NotificationTarget, *, using: str) -> None:
        self.step = priority_step()
        self.has_interrupted = False
        self._target = target
        self._using = using
        self._found: list[int] = []
        self._found_at: float | None = None
        if self.step and all(hasattr(target, name) for name in HIGHEST):
            self._find_from(_highest(target))

    def find(self) -> Sequence[int]:
        """Return the priorities, the highest first, as they were at most a second ago."""
        if not self.step:
            return ()
        now = time.monotonic()
        if self._found_at is None or now - self._found_at > REMEMBERED_SECONDS:
            rows = NotificationTarget.objects.using(self._using).filter(pk=self._target.pk)
            found = with_highest_priority(rows, using=self._using)
            targets = patiently(lambda: list(found), using=self._using)
            self._find_from(max(map(_highest, targets), default=0))
        return self._found

    def _find_from(self, highest: int) -> None:
        self._found_at = time.monotonic()
        self._found = []
        # No more priorities are valid; other code may have written more past all validation.
        while highest > 0 and len(self._found) < HIGHEST_PRIORITY:
            self._found.append(highest)
            highest = patiently(partial(self._highest, highest), using=self._using)

    def _highest(self, below: int) -> int:
        found = [
            priority
            for status in HIGHEST.values()
            for priority in _by_priority(self._target, status, self._using)
            .filter(priority__lt=below)
            .values_list("priority", flat=True)[:1]
        ]
        return max(found, default=0)


def _by_priority(target: Any, status: str, using: str) -> NotificationQuerySet:
    """Return the rows in a status, the highest priority first: from the far end of an index."""
    rows = Notification.objects.using(using).filter(target=target, status=status)
    if connections[using].features.supports_partial_indexes:
        # Elsewhere the index covers all rows, and all rows without a priority would be read.
        rows = rows.filter(priority__gt=0)
    return rows.order_by("-priority")


def _highest(target: NotificationTarget) -> int:
    return max(getattr(target, name) or 0 for name in HIGHEST)
