"""Runs again and again in separate processes, until nothing is due, and prints the statuses.

``python -m tests.support.workers.deaths JSON``, where the JSON object has:

- ``rows``: by handler's module, the titles of the notifications;
- ``hand_over``: whether batches are handed over, and delivered in a process for every batch;
- ``most``: at most so many processes.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.db import connections  # noqa: E402
from django.utils import timezone  # noqa: E402

from django_notification_system.delivery.handover import (  # noqa: E402
    claim_batches,
    deliver_batch,
)
from django_notification_system.delivery.runs.run import Run  # noqa: E402
from django_notification_system.models import (  # noqa: E402
    Notification,
    NotificationTarget,
    TargetUserRecord,
)


def fill(module_name: str, titles: list[str]) -> None:
    user, _ = get_user_model().objects.get_or_create(username="egg")
    target, _ = NotificationTarget.objects.get_or_create(
        name=module_name, notification_module_name=module_name
    )
    record, _ = TargetUserRecord.objects.get_or_create(
        user=user, target=target, target_user_id=module_name
    )
    now = timezone.now() - timedelta(seconds=10)
    Notification.objects.bulk_create(
        Notification(
            target_user_record=record,
            title=title,
            status=Notification.SCHEDULED,
            scheduled_delivery=now + timedelta(milliseconds=number),
        )
        for number, title in enumerate(titles)
    )


def survives(work: Callable[[], object]) -> bool:
    """Do the work in a separate process; return whether the process came to its own end."""
    connections.close_all()
    if (process := os.fork()) == 0:
        try:
            work()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(process, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 9), code
    return code == 0


def end_leases() -> None:
    Notification.objects.filter(claimed_until__isnull=False).update(
        claimed_until=timezone.now() - timedelta(hours=1)
    )


def deaths_of_runs(most: int) -> int:
    deaths = 0
    for _ in range(most):
        if survives(lambda: list(Run())):
            return deaths
        deaths += 1
        end_leases()
    return deaths


def deaths_of_workers(most: int) -> int:
    deaths = 0
    for _ in range(most):
        batches = list(claim_batches(most=1))
        if not batches:
            return deaths
        for batch in batches:
            deaths += not survives(lambda batch=batch: deliver_batch(batch))  # type: ignore[misc]
        end_leases()
    return deaths


def main(wish: dict[str, Any]) -> dict[str, Any]:
    Notification.objects.all().delete()
    for module_name, titles in wish["rows"].items():
        fill(module_name, titles)
    of = deaths_of_workers if wish.get("hand_over") else deaths_of_runs
    deaths = of(wish.get("most", 50))
    rows = Notification.objects.order_by("scheduled_delivery")
    return {
        "deaths": deaths,
        "statuses": Counter(row.status for row in rows),
        "interruptions": Counter(row.interruptions for row in rows),
        "claimed": sum(row.claim_token is not None for row in rows),
        "killers": [
            {
                "status": row.status,
                "response": row.response,
                "retry_attempts": row.retry_attempts,
                "results": [attempt.result for attempt in row.attempts.all()],
            }
            for row in rows
            if row.title.startswith("kill")
        ],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(json.loads(sys.argv[1]))))
