"""Remember in a target's row how many messages its provider takes at once, for the next runs."""

import time
from datetime import timedelta

from django.utils import timezone

from ...database import patiently
from ...models import NotificationTarget
from ..handlers.concurrency import REMEMBERED_SECONDS, Found, LaneConcurrency


def remembered(target: NotificationTarget) -> Found | None:
    """Return what earlier runs of any host have found; ``None`` where that is too long ago.

    Args:
        target: The target.
    """
    if target.concurrency is None or target.concurrency_until is None:
        return None
    # By the host's clock: a host with a wrong clock finds the number anew.
    seconds = (target.concurrency_until - timezone.now()).total_seconds()
    if not 0 < seconds <= REMEMBERED_SECONDS:
        return None
    return Found(target.concurrency, target.concurrency_limit, seconds)


def remember(target: NotificationTarget, lane: LaneConcurrency, *, using: str) -> None:
    """Keep what a lane has found, if the lane has found anything new: one short UPDATE.

    Args:
        target: The target.
        lane: The lane's concurrency.
        using: The database's alias.
    """
    if lane.current is None:
        return
    found = lane.current.found(time.monotonic())
    if (found.at_once, found.limit) == lane.began_with:
        return
    rows = NotificationTarget.objects.using(using).filter(pk=target.pk)
    until = timezone.now() + timedelta(seconds=found.seconds)
    patiently(
        lambda: rows.update(
            concurrency=found.at_once,
            concurrency_limit=found.limit,
            concurrency_until=until,
        ),
        using=using,
    )
