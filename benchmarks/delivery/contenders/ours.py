"""This project: one process, default settings, from the run's start to the last record."""

import os
from collections import deque
from functools import partial

from job import measure, read_job
from notifications import fill, targets_of
from project import set_up

job = read_job()
set_up(job, "django_notification_system", NOTIFICATION_SYSTEM_TARGETS=targets_of(job))

from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from django_notification_system.delivery.claims.due import Due  # noqa: E402
from django_notification_system.delivery.claims.levels import Levels  # noqa: E402
from django_notification_system.delivery.claims.take import take  # noqa: E402
from django_notification_system.delivery.outcomes.apply import apply  # noqa: E402
from django_notification_system.delivery.outcomes.record import record_outcomes  # noqa: E402
from django_notification_system.delivery.runs.run import Run  # noqa: E402
from django_notification_system.models import (  # noqa: E402
    Notification,
    NotificationAttempt,
    NotificationTarget,
)
from django_notification_system.outcome import Outcome  # noqa: E402


def run() -> None:
    deque(Run(), maxlen=0)


def print_to_nowhere() -> None:
    with open(os.devnull, "w") as nowhere:
        call_command("process_notifications", stdout=nowhere, stderr=nowhere)


def claim_and_record() -> None:
    """The database's part alone, with the engine's own batch sizes."""
    target = NotificationTarget.objects.get(notification_module_name=job.channel)
    now = timezone.now()
    levels = Levels(target, using="default")
    while True:
        claim = take(
            Due(target=target, due_by=now, using="default"), 500, lease_seconds=300, levels=levels
        )
        if not claim.notifications:
            return
        outcomes = [Outcome.delivered(each, "Sent") for each in claim.notifications]
        for outcome in outcomes:
            apply(outcome, at=timezone.now(), due_by=now, when_unknown="retry")
        for first in range(0, len(outcomes), 50):
            record_outcomes(claim, outcomes[first : first + 50])


def left() -> dict[str, int]:
    """Count what waits for a later run, what failed for good, and the attempts that it cost.

    And the connections that the run found.
    """
    target = NotificationTarget.objects.get(notification_module_name=job.channel)
    ended = NotificationAttempt.Result
    return {
        "later": Notification.objects.filter(status__in=["SCHEDULED", "RETRY"]).count(),
        "failed": Notification.objects.exclude(
            status__in=["SCHEDULED", "RETRY", "DELIVERED"]
        ).count(),
        "found": target.concurrency or 0,
        "attempts_lost": NotificationAttempt.objects.exclude(result=ended.DELIVERED).count(),
    }


WAYS = {"printed": print_to_nowhere, "queue alone": claim_and_record}
measure(job, partial(fill, job), WAYS.get(job.variant, run), left)
