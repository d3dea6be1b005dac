"""The command: what it prints, what it attempts, how it exits."""

import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system.categories import Category, known_categories
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    TargetUserRecord,
)
from tests.conftest import MakeDue
from tests.settings import TEST_DATABASE
from tests.support.handlers import loft as loft_handler

STARS = "*" * 33


class Output:
    """What one call of the command wrote."""

    def __init__(self, *arguments: str, **options: Any) -> None:
        self.stdout, self.stderr = io.StringIO(), io.StringIO()
        self.error: CommandError | None = None
        try:
            call_command(
                "process_notifications",
                *arguments,
                stdout=self.stdout,
                stderr=self.stderr,
                **options,
            )
        except CommandError as error:
            self.error = error

    @property
    def text(self) -> str:
        return self.stdout.getvalue()

    @property
    def errors(self) -> str:
        return self.stderr.getvalue()


def test_a_delivery_is_reported_in_the_documented_block(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    due = datetime(2020, 12, 6, 19, 57, 38, 123456, tzinfo=UTC)
    make_due(loft, title="Test notification for Eggs Benedict", scheduled_delivery=due)
    assert Output().text == (
        "egg - 2020-12-06 19:57:38+00:00 - SCHEDULED\n"
        "Test notification for Eggs Benedict - lorem ipsum...\n"
        "Cooed.\n"
        f"{STARS}\n"
    )


def test_a_delivery_sets_status_time_response_and_message_id(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(loft, title="hello")
    started = timezone.now()
    Output()
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED
    assert notification.attempted_delivery is not None
    assert started <= notification.attempted_delivery <= timezone.now()
    assert notification.response == "Cooed."
    assert notification.provider_message_id == "ring-hello"
    assert notification.retry_attempts == 0
    assert notification.claim_token is None
    assert notification.claimed_until is None
    assert notification.modified_date >= started


def test_only_what_is_due_and_pending_is_attempted(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft, title="scheduled")
    make_due(loft, title="again", status=Notification.RETRY)
    make_due(loft, title="future", scheduled_delivery=timezone.now() + timedelta(minutes=5))
    for status in ("DELIVERED", "DELIVERY FAILURE", "INACTIVE DEVICE", "OPTED OUT"):
        make_due(loft, title=status, status=status)
    Output()
    assert sorted(loft_handler.flown) == ["again", "scheduled"]


def test_the_oldest_goes_first(loft: TargetUserRecord, make_due: MakeDue) -> None:
    for minutes in (5, 30, 10):
        make_due(
            loft,
            title=f"{minutes} minutes",
            scheduled_delivery=timezone.now() - timedelta(minutes=minutes),
            status=Notification.RETRY if minutes == 10 else Notification.SCHEDULED,
        )
    Output()
    assert loft_handler.flown == ["30 minutes", "10 minutes", "5 minutes"]


def test_a_failed_attempt_is_counted_and_moved_by_its_interval(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(loft, title="retry", retry_time_interval=90, max_retries=3)
    started = timezone.now()
    output = Output()
    notification.refresh_from_db()
    assert output.text.splitlines()[2:] == ["A hawk was about.", STARS]
    assert notification.status == Notification.RETRY
    assert notification.retry_attempts == 1
    assert notification.response == "A hawk was about."
    moved = notification.scheduled_delivery - started
    assert timedelta(minutes=90) <= moved < timedelta(minutes=91)


@pytest.mark.parametrize(("max_retries", "attempts"), [(0, 1), (1, 1), (2, 2), (3, 3)])
def test_after_max_retries_attempts_it_is_a_failure(
    loft: TargetUserRecord, make_due: MakeDue, max_retries: int, attempts: int
) -> None:
    notification = make_due(loft, title="retry", retry_time_interval=0, max_retries=max_retries)
    for _ in range(attempts + 2):
        Output()
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERY_FAILURE
    assert notification.retry_attempts == attempts
    assert loft_handler.flown == ["retry"] * attempts


def test_one_run_attempts_each_notification_once_even_with_no_interval(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 1}
    make_due(loft, title="retry", retry_time_interval=0)
    Output()
    assert loft_handler.flown == ["retry"]


def test_a_refusal_for_good_is_not_tried_again(loft: TargetUserRecord, make_due: MakeDue) -> None:
    notification = make_due(loft, title="fail", max_retries=5)
    Output()
    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == ("DELIVERY FAILURE", 1)
    assert notification.attempted_delivery is not None


def test_an_address_that_is_gone_is_switched_off(loft: TargetUserRecord, make_due: MakeDue) -> None:
    notification = make_due(loft, title="gone")
    Output()
    notification.refresh_from_db()
    loft.refresh_from_db()
    assert notification.status == Notification.INACTIVE_DEVICE
    assert not loft.active


def test_an_address_that_changed_meanwhile_stays_on(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    def move(notification: Notification) -> None:
        TargetUserRecord.objects.filter(pk=loft.pk).update(target_user_id="south tower")

    loft_handler.watchers.append(move)
    make_due(loft, title="gone")
    Output()
    loft.refresh_from_db()
    assert loft.active


def test_an_address_that_wants_no_more_ends_as_opted_out(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(loft, title="stop")
    Output()
    notification.refresh_from_db()
    loft.refresh_from_db()
    assert notification.status == Notification.OPTED_OUT
    assert not loft.active


@pytest.mark.parametrize(
    ("when_unknown", "status"), [("retry", "RETRY"), ("fail", "DELIVERY FAILURE")]
)
def test_what_unknown_means_is_the_projects_choice(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any, when_unknown: str, status: str
) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"loft": {"when_unknown": when_unknown}}
    notification = make_due(loft, title="fog")
    Output()
    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == (status, 1)


def test_an_opted_out_user_gets_nothing_however_the_opt_out_was_written(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(loft)
    NotificationOptOut.objects.bulk_create([NotificationOptOut(user=loft.user, active=True)])
    output = Output()
    notification.refresh_from_db()
    assert loft_handler.flown == []
    assert notification.status == Notification.OPTED_OUT
    assert "Not sent: the user has opted out." in output.text


def test_an_inactive_opt_out_holds_nothing_back(loft: TargetUserRecord, make_due: MakeDue) -> None:
    make_due(loft)
    NotificationOptOut.objects.create(user=loft.user, active=False)
    Output()
    assert len(loft_handler.flown) == 1


def test_an_inactive_record_gets_nothing(loft: TargetUserRecord, make_due: MakeDue) -> None:
    notification = make_due(loft)
    TargetUserRecord.objects.update(active=False)
    output = Output()
    notification.refresh_from_db()
    assert loft_handler.flown == []
    assert notification.status == Notification.INACTIVE_DEVICE
    assert "Not sent: the record is inactive." in output.text
    notification.full_clean()  # a state that the model itself allows


def test_verbosity_0_is_silent_but_for_errors(loft: TargetUserRecord, make_due: MakeDue) -> None:
    make_due(loft, title="hello")
    output = Output(verbosity=0)
    assert (output.text, output.errors) == ("", "")
    make_due(loft, title="close")
    output = Output(verbosity=0)
    assert output.text == ""
    assert output.errors == "The loft is closed.\n"


def test_the_summary_goes_to_standard_error(loft: TargetUserRecord, make_due: MakeDue) -> None:
    make_due(loft, title="hello")
    make_due(loft, title="retry")
    assert re.fullmatch(
        r"1 Delivered, 1 Retry; tried again at ([\d-]{10} )?\d\d:\d\d\n", Output().errors
    )


def test_a_run_with_nothing_due_prints_nothing(loft: TargetUserRecord) -> None:
    output = Output()
    assert (output.text, output.errors) == ("", "")
    assert "Nothing is due." in Output(verbosity=2).errors


def test_verbosity_3_shows_what_the_engine_does(loft: TargetUserRecord, make_due: MakeDue) -> None:
    make_due(loft, title="hello", body="the secret body")
    errors = Output(verbosity=3).errors
    assert "Loft: claimed 1." in errors
    assert "Loft: recorded 1." in errors
    assert "secret" not in errors
    assert "claimed" not in Output(verbosity=2).errors


def test_an_unknown_database_is_an_error_that_names_the_known(db: None) -> None:
    error = str(Output("--database", "archive").error)
    assert "'archive'" in error
    assert "default" in error


def test_target_chooses_by_name_or_module_name(
    loft: TargetUserRecord, records: dict[str, TargetUserRecord], make_due: MakeDue
) -> None:
    for record in (loft, *records.values()):
        make_due(record)
    loft.target.name = "The north loft"[:15]
    loft.target.save()
    Output("--target", "LOFT")
    assert Notification.objects.filter(status=Notification.DELIVERED).count() == 1
    assert Notification.objects.get(status=Notification.DELIVERED).target_user_record == loft


def test_target_may_be_given_more_than_once(
    loft: TargetUserRecord, records: dict[str, TargetUserRecord], make_due: MakeDue
) -> None:
    for record in (loft, *records.values()):
        make_due(record)
    output = Output("--target", "loft", "--target", "email", "--dry-run")
    assert output.text.count(STARS) == 2


def test_an_unknown_target_is_an_error_that_names_the_known(loft: TargetUserRecord) -> None:
    error = Output("--target", "Fax").error
    said, _, names = str(error).partition(": ")
    assert said == "There is no target 'Fax'. The targets are"
    # The migrations make the first three within a millisecond.
    assert {*names.split(", ")} == {"Twilio", "Email", "Expo", "Loft."}
    assert names.endswith(", Loft.")


def test_limit_attempts_at_most_so_many(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 2}
    for number in range(7):
        make_due(loft, title=f"number {number}")
    Output("--limit", "3")
    assert len(loft_handler.flown) == 3
    assert Notification.objects.filter(claim_token__isnull=False).count() == 0


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_limit_must_be_a_positive_number(db: None, limit: str) -> None:
    assert "--limit" in str(Output("--limit", limit).error)


def test_dry_run_says_what_would_go_and_touches_nothing(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft)
    make_due(loft, title="later", scheduled_delivery=timezone.now() + timedelta(hours=1))
    before = list(Notification.objects.order_by("pk").values())
    output = Output("--dry-run")
    assert list(Notification.objects.order_by("pk").values()) == before
    assert loft_handler.flown == []
    assert output.text.count(STARS) == 1
    assert "Would be sent by tests.support.handlers.loft." in output.text
    assert output.errors == "Would attempt: 1 Scheduled\n"


def test_dry_run_shows_what_would_not_go(loft: TargetUserRecord, make_due: MakeDue) -> None:
    make_due(loft)
    TargetUserRecord.objects.update(active=False)
    assert "Not sent: the record is inactive." in Output("--dry-run").text


def test_the_exit_status_is_0_whatever_a_single_message_did(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    for title in ("retry", "fail", "raise"):
        make_due(loft, title=title)
    assert Output().error is None


@pytest.mark.parametrize("title", ["retry", "fail", "raise", "close"])
def test_fail_on_error_makes_it_1(loft: TargetUserRecord, make_due: MakeDue, title: str) -> None:
    make_due(loft, title=title)
    output = Output("--fail-on-error")
    assert output.error is not None
    assert output.error.returncode == 1
    assert "1 notification was not delivered" in str(output.error)


def test_fail_on_error_is_0_when_all_went_out(loft: TargetUserRecord, make_due: MakeDue) -> None:
    make_due(loft)
    assert Output("--fail-on-error").error is None


def test_a_message_cannot_steer_the_terminal_that_shows_it(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft, title="beep\x07", body="red \x1b[31m\x9b31m\rover\r\nこんにちは 🥚")
    text = Output().text
    assert re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text) is None
    assert "beep\\x07 - red \\x1b[31m\\x9b31m\\rover\nこんにちは 🥚" in text


def queries_of(run: Callable[[], object]) -> int:
    """Count the statements that read or write rows."""
    with CaptureQueriesContext(connection) as captured:
        run()
    return sum("SAVEPOINT" not in query["sql"] for query in captured)


@pytest.mark.parametrize("category", ["", "news", "security"])
@pytest.mark.parametrize("count", [1, 100, 1000])
def test_queries_grow_with_batches_and_not_with_notifications(
    loft: TargetUserRecord, count: int, category: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is done every so often is done more often on a busy machine.
    for name in (
        "runs.pause_recheck.PAUSE_RECHECK",
        "claims.levels.REMEMBERED",
        "runs.unrecorded.RECORD_AFTER",
        "runs.intake.RECHECK_AFTER",
    ):
        monkeypatch.setattr(f"django_notification_system.delivery.{name}_SECONDS", 60)
    idle = queries_of(Output)
    Notification.objects.bulk_create(
        Notification(
            target_user_record=loft,
            category=category,
            title=f"number {number}",
            status=Notification.SCHEDULED,
            scheduled_delivery=timezone.now() - timedelta(minutes=1),
        )
        for number in range(count)
    )
    # Two to find the oldest and read them, or only their keys, then one to mark them; MariaDB finds
    # them in one, and locks them in one more.
    each = {"postgresql": 3, "sqlite": 4, "mariadb": 4}[TEST_DATABASE]
    claims = each * -(-count // 500)
    # Those that find nothing more.
    claims += (1 if TEST_DATABASE == "mariadb" else 2) * (count % 500 == 0)
    looks = max(0, -(-count // 50) - 1)  # at each slice but the first, which was just claimed
    records = -(-count // 50)
    # Without a category nobody is asked; otherwise one query reads preferences and suppressions. A
    # mandatory category asks for suppressions alone.
    batches = -(-count // 500)
    asked = batches + looks if category else 0
    with known_categories(
        Category("news", label="News"), Category("security", label="Security", mandatory=True)
    ):
        needed = queries_of(Output) - idle
    assert needed == claims + looks + records + asked
    if count == 1000:
        assert needed / count <= (0.07 if category else 0.05)
    assert Notification.objects.filter(status=Notification.DELIVERED).count() == count
