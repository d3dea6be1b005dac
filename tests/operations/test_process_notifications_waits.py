"""What a run leaves for later, and until when, is said to whoever looks on."""

import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
from django_notification_system.operations.console.waiting import local, tried_again
from tests.conftest import MakeDue

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2030, 7, 1, 12, tzinfo=UTC)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def said(*arguments: str, terminal: bool = True, **options: Any) -> str:
    """Return what a run says on standard error."""
    stderr = Terminal() if terminal else io.StringIO()
    call_command(
        "process_notifications", *arguments, stdout=io.StringIO(), stderr=stderr, **options
    )
    return re.sub(r"\x1b\[[\d;]*m", "", stderr.getvalue())


@pytest.fixture(autouse=True)
def in_berlin(settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"


@pytest.mark.parametrize(
    ("hours", "expected"), [(0, "14:00"), (9, "23:00"), (10, "2030-07-02 00:00")]
)
def test_a_moment_is_told_by_the_projects_clock(hours: int, expected: str) -> None:
    assert local(NOON + timedelta(hours=hours), now=NOON) == expected


def test_of_several_retries_the_first_is_told() -> None:
    now = timezone.now()
    first = local(now)
    assert tried_again([now]) == f"tried again at {first}"
    assert tried_again([now + timedelta(hours=1), now]) == f"tried again from {first} on"


@pytest.mark.parametrize("terminal", [True, False])
def test_the_summary_says_when_what_failed_is_tried_again(
    loft: TargetUserRecord, make_due: MakeDue, terminal: bool
) -> None:
    notification = make_due(loft, title="retry", retry_time_interval=90)
    make_due(loft)
    make_due(loft, title="Hello")
    printed = said(terminal=terminal).splitlines()[0]
    notification.refresh_from_db()
    moment = local(notification.scheduled_delivery)
    assert printed == f"2 Delivered, 1 Retry; tried again at {moment}"


@pytest.mark.parametrize("arguments", [(), ("--dry-run",)])
def test_a_run_with_nothing_to_do_says_what_waits_and_until_when(
    loft: TargetUserRecord, email: TargetUserRecord, make_due: MakeDue, arguments: tuple[str, ...]
) -> None:
    soon, later = (timezone.now() + timedelta(hours=hours) for hours in (1, 2))
    make_due(loft, scheduled_delivery=later)
    make_due(loft, title="again", status="RETRY", scheduled_delivery=soon)
    make_due(email, scheduled_delivery=later)
    assert said(*arguments) == (
        f"Nothing is due. What waits: Email is due at {local(later)}, Loft is tried again at"
        f" {local(soon)}.\n"
    )


def test_a_run_says_that_nothing_waits(loft: TargetUserRecord) -> None:
    assert said() == "Nothing is due, and nothing waits.\n"
    assert said(verbosity=2).count("Nothing is due") == 1


@pytest.mark.parametrize(
    ("options", "arguments"),
    [({"verbosity": 0}, ()), ({"terminal": False}, ()), ({}, ("--format", "json"))],
)
def test_nobody_is_told_who_does_not_look_on(
    loft: TargetUserRecord,
    make_due: MakeDue,
    options: dict[str, Any],
    arguments: tuple[str, ...],
) -> None:
    make_due(loft, scheduled_delivery=timezone.now() + timedelta(hours=1))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert said(*arguments, **options) == ""
    assert not any("next_0" in query["sql"] for query in queries.captured_queries)


def test_of_a_paused_target_the_pause_is_told_and_nothing_else(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft)
    NotificationTarget.objects.filter(pk=loft.target_id).update(
        paused_until=timezone.now() + timedelta(hours=1)
    )
    printed = said()
    assert "Target 'Loft' is paused until" in printed
    assert "Nothing is due" not in printed


def test_the_look_reads_one_row_for_each_target_and_status(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    later = timezone.now() + timedelta(hours=1)
    Notification.objects.bulk_create(
        Notification(
            target_user_record=loft,
            target=loft.target,
            title=f"{number}",
            scheduled_delivery=later + timedelta(seconds=number),
        )
        for number in range(30)
    )
    with CaptureQueriesContext(connection) as queries:
        said()
    looks = [query["sql"] for query in queries.captured_queries if "next_0" in query["sql"]]
    assert len(looks) == 1
    assert looks[0].count("LIMIT 1") >= 2
