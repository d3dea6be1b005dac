"""A dry run: the attempts of a run, without attempting."""

from collections.abc import Generator
from datetime import datetime

from ...batches import batched
from ...exceptions import TargetUnavailable
from ...models import Notification, NotificationTarget
from ...models.notification_queryset import NotificationQuerySet
from ...preferences.fallbacks import read_on_site
from ...preferences.lookup import refusals
from ..claims.large_texts import iterate
from ..claims.order import first_by_target, rank_in_database
from ..claims.pause import explained, is_paused
from ..handlers.find import find_handler
from ..outcomes.skip import skip
from .report import Report
from .run import Run

READ_AT_ONCE = 500


def preview(run: Run, *, limit: int | None = None) -> Generator[Report]:
    """Yield a report for every notification that a run would attempt now, and change nothing.

    Args:
        run: The run; gets the problems of unusable targets.
        limit: How many rows, at the most: the first in order of all targets.
    """
    allowed = None
    if limit is not None:
        allowed = first_by_target(run.targets, run.due_by, limit, using=run.using)
    for target in run.targets:
        due = _due(target, run.due_by, using=run.using)
        verdict = None
        rows = due if allowed is None else due[: allowed[target.pk]]
        found = iterate(rows, chunk_size=READ_AT_ONCE)
        for chunk in batched(found, READ_AT_ONCE):
            verdict = verdict or _verdict(target, run.problems)
            refused = {
                **read_on_site(chunk, using=run.using),
                **refusals(chunk, target, using=run.using),
            }
            for notification in chunk:
                before = notification.status
                refusal = refused.get(notification.pk)
                response = skip(notification, refusal=refusal) or verdict
                notification.status = before
                due_at = notification.scheduled_delivery
                yield Report(notification, target, due_at, before, response)


def _due(target: NotificationTarget, due_by: datetime, *, using: str) -> NotificationQuerySet:
    rows = Notification.objects.using(using).due(due_by).unclaimed()
    rows = rows.filter(target_user_record__target=target).for_delivery()
    return rows.order_by(rank_in_database())


def _verdict(target: NotificationTarget, problems: dict[str, str]) -> str:
    if is_paused(target):
        return explained(target)
    try:
        return f"Would be sent by {find_handler(target).source}."
    except TargetUnavailable as unavailable:
        problems[target.name] = str(unavailable)
        return str(unavailable)
