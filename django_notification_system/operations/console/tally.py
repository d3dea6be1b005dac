"""A run's counts, by target and status, and the causes of failures."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ...delivery.claims.pause import is_paused
from ...delivery.handlers.redirect import is_blocked
from ...delivery.runs.report import Report
from ...delivery.runs.run import Run
from ...models import Notification
from ..queue.causes import cause
from ..queue.counts import count_waiting
from ..queue.status import Cause

#: The number of reported causes, the most frequent first.
CAUSES_TOLD = 5
#: The number of causes, and of moments of retries, that are counted apart.
MOST_COUNTS = 1000


@dataclass
class Tally:
    """A run's counts.

    Attributes:
        by_target: Number of notifications by status after the run, by the target's name.
        causes: Why notifications were not delivered, by the target's name.
        postponed: Number of notifications that wait for a later moment without a try.
        failures: Number of notifications that should have been delivered and were not.
        problems: The problem that made a target unusable, by the target's name.
        paused: Explanations of pauses, by the target's name.
        retries: Number of notifications by the moment of their retry, to the minute.
    """

    by_target: dict[str, Counter[str]] = field(default_factory=dict)
    causes: Counter[tuple[str, str]] = field(default_factory=Counter)
    postponed: int = 0
    failures: int = 0
    problems: Mapping[str, str] = field(default_factory=dict)
    paused: Mapping[str, str] = field(default_factory=dict)
    retries: Counter[datetime] = field(default_factory=Counter)

    def add(self, report: Report) -> None:
        """Count the report of one notification.

        Args:
            report: The run's report.
        """
        name, status = report.target.name, report.notification.status
        if report.is_postponed:
            self.postponed += 1
            self.causes[name, cause(report.response)] += 1
            return
        self.by_target.setdefault(name, Counter())[status] += 1
        self.failures += report.failed
        if status == Notification.RETRY:
            moment = report.notification.scheduled_delivery
            if moment > report.scheduled_delivery:  # not moved where the target is paused
                self.retries[moment.replace(second=0, microsecond=0)] += 1
        if status != Notification.DELIVERED:
            self.causes[name, cause(report.response)] += 1
        # A watch counts for weeks.
        _keep_few(self.causes)
        _keep_few(self.retries)

    @property
    def has_any(self) -> bool:
        """Whether any notification was due."""
        return bool(self.by_target or self.postponed)

    @property
    def statuses(self) -> Counter[str]:
        """Number of notifications by status after the run."""
        return sum(self.by_target.values(), Counter())

    def most_frequent_causes(self) -> list[Cause]:
        """Return why most were not delivered."""
        return [
            Cause(target, text, number)
            for (target, text), number in self.causes.most_common(CAUSES_TOLD)
        ]


def _keep_few(counts: Counter[Any]) -> None:
    """Drop the rarer half of very many counts."""
    if len(counts) > MOST_COUNTS:
        few = counts.most_common(MOST_COUNTS // 2)
        counts.clear()
        counts.update(dict(few))


def count_to_attempt(run: Run, limit: int | None) -> int:
    """Return how many notifications a run is about to attempt, by a look at the index.

    Args:
        run: The run.
        limit: The most notifications of the run; ``None``: no limit.
    """
    usable = [
        target.pk for target in run.targets if not is_paused(target) and not is_blocked(target)
    ]
    waiting = count_waiting(usable, run.due_by, using=run.using)
    due = sum(each.due for each in waiting)
    return due if limit is None else min(due, limit)
