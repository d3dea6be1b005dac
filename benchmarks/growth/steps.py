"""A project's work with notifications; a step is a process that prints its own figures."""

import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

BATCH = 500
RECORD_EVERY = 50
LEASE_SECONDS = 300
USERS = 1000


def run(name: str, number: int, *, body: str, history: str) -> None:
    """Take a step, and print the figures as JSON.

    Args:
        name: A key of ``STEPS``.
        number: How many notifications, or, for a purge and an archive, how many hours are kept.
        body: ``short``, or ``same`` for 2 KB of HTML.
        history: Which attempts are kept.
    """
    import django

    django.setup()

    from django.conf import settings
    from django.db.backends.signals import connection_created

    settings.NOTIFICATION_SYSTEM = {"HISTORY": history}
    queries = 0

    def count(execute: Any, *arguments: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*arguments)

    def watch(connection: Any, **kwargs: Any) -> None:
        connection.execute_wrappers.append(count)

    connection_created.connect(watch)
    started, busy = time.perf_counter(), time.process_time()
    result = STEPS[name](number, body)
    print(
        json.dumps(
            {
                **(result or {}),
                "seconds": time.perf_counter() - started,
                "busy": time.process_time() - busy,
                "queries": queries,
            }
        )
    )


def create(number: int, body: str) -> None:
    """Notify a thousand users again and again, as a project does."""
    from django.contrib.auth import get_user_model

    from django_notification_system import notify

    from ..delivery.contenders.job import SHORT_BODY, TITLE, html_body

    users = get_user_model().objects.all()
    text = SHORT_BODY if body == "short" else html_body()
    now = time.time()
    for part in range(number // USERS):
        notify(users, f"{TITLE} {now} {part}", text, target="Email")


def deliver(number: int, body: str) -> None:
    from django.core.management import call_command

    with open(os.devnull, "w") as nowhere:
        call_command("process_notifications", stdout=nowhere, stderr=nowhere)


def purge(hours: int, body: str) -> dict[str, int]:
    from django.core.management import call_command

    from django_notification_system.models import Notification

    before = Notification.objects.count()
    with open(os.devnull, "w") as nowhere:
        call_command("purge_notifications", "--older-than", f"{hours}h", stdout=nowhere)
    return {"rows": before - Notification.objects.count()}


def archive(hours: int, body: str) -> dict[str, int]:
    """Archive older notifications, with the statement on the documentation's page."""
    from django.db import connection

    moved, rows = 1, 0
    with connection.cursor() as cursor:
        while moved:
            cursor.execute(
                "SELECT notification_system_move_to_archive(now() - %s * interval '1 hour', 1000)",
                [hours],
            )
            (moved,) = cursor.fetchone()
            rows += moved
    return {"rows": rows}


def claim(number: int, body: str) -> dict[str, Any]:
    """Claim and record batch after batch; return the milliseconds of every batch."""
    from django.utils import timezone

    from django_notification_system.delivery.claims.due import Due
    from django_notification_system.delivery.claims.take import take
    from django_notification_system.delivery.outcomes.apply import apply
    from django_notification_system.delivery.outcomes.record import record_outcomes
    from django_notification_system.models import NotificationTarget
    from django_notification_system.outcome import Outcome
    from tests.support.plans import explained, statements_of

    target = NotificationTarget.objects.get(notification_module_name="email")
    now = timezone.now()
    claims, records = [], []
    statements: list[str] = []

    def one_batch() -> None:
        batch, took = timed(
            lambda: take(
                Due(target=target, due_by=now, using="default"), BATCH, lease_seconds=LEASE_SECONDS
            )
        )
        claims.append(took)
        for first in range(0, len(batch.notifications), RECORD_EVERY):
            outcomes = [
                Outcome.delivered(
                    each, "Email Successfully Sent", provider_message_id=f"<{each.pk}@example.com>"
                )
                for each in batch.notifications[first : first + RECORD_EVERY]
            ]
            for outcome in outcomes:
                apply(outcome, at=now, due_by=now, when_unknown="retry")
            records.append(timed(lambda outcomes=outcomes: record_outcomes(batch, outcomes))[1])  # type: ignore[misc]

    one_batch()  # connects, and reads data that a run keeps
    statements = statements_of(one_batch)
    claims.clear()
    records.clear()
    for _ in range(number // BATCH - 2):
        one_batch()
    by_kind = {statement.split(maxsplit=1)[0]: statement for statement in reversed(statements)}
    return {
        "claim": statistics.median(claims) * 1000,
        "claim_fastest": min(claims) * 1000,
        "record": statistics.median(records) * 1000,
        "record_fastest": min(records) * 1000,
        "plans": {kind: explained(statement) for kind, statement in by_kind.items()},
    }


def timed(operation: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    result = operation()
    return result, time.perf_counter() - started


STEPS: dict[str, Callable[[int, str], Any]] = {
    "create": create,
    "deliver": deliver,
    "purge": purge,
    "archive": archive,
    "claim": claim,
}
