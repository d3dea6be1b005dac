"""What handlers, rows and people do wrong, and that it stops no run."""

import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from django_notification_system import signals
from django_notification_system.delivery.runs import run as run_module
from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.outcome import Outcome
from tests.conftest import MakeDue
from tests.support.handlers import loft as loft_handler
from tests.support.handlers import old, slow


@pytest.fixture
def old_target(user: Any, settings: Any) -> Iterator[TargetUserRecord]:
    """A record in a target whose handler, in the manner of 1.5.3, does what the test says."""
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers"]
    target = NotificationTarget.objects.create(name="Old", notification_module_name="old")
    yield TargetUserRecord.objects.create(user=user, target=target, target_user_id="attic")
    old.behave = None


def run_over_both(bad: Notification, good: Notification) -> Notification:
    list(Run())
    bad.refresh_from_db()
    good.refresh_from_db()
    assert good.status == Notification.DELIVERED
    assert bad.claim_token is None
    return bad


def raises(error: BaseException) -> Any:
    def behave(notification: Notification) -> Any:
        raise error

    return behave


def saves(**fields: Any) -> Any:
    def behave(notification: Notification) -> str:
        for name, value in fields.items():
            setattr(notification, name, value)
        notification.save()
        return "Saved."

    return behave


@pytest.mark.parametrize(
    ("behave", "status", "words"),
    [
        (raises(ValueError("a\x00b")), "RETRY", "ValueError: ab"),
        (raises(ValueError("a\udc80b")), "RETRY", "ValueError: a?b"),
        (raises(SystemExit(1)), "RETRY", "SystemExit: 1"),
        (lambda n: Outcome.delivered(n, {"ok": True}), "DELIVERED", "{'ok': True}"),  # type: ignore[arg-type]
        (
            lambda n: Outcome.delivered(n, "Sent.", provider_message_id=42),  # type: ignore[arg-type]
            "DELIVERED",
            "Sent.",
        ),
        (
            lambda n: Outcome.retry(n, "Later.", not_before=datetime(2100, 1, 1)),  # noqa: DTZ001
            "RETRY",
            "Later.",
        ),
        (lambda n: Outcome.retry(n, "Later.", not_before="noon"), "RETRY", "Later."),  # type: ignore[arg-type]
        (saves(status="A STATUS THAT THERE IS NOT"), "RETRY", "which there is not"),
        (saves(status="DELIVERED", retry_attempts="many"), "DELIVERY FAILURE", "cannot be stored"),
    ],
)
def test_whatever_a_handler_says_the_run_goes_on(
    old_target: TargetUserRecord,
    loft: TargetUserRecord,
    make_due: MakeDue,
    behave: Any,
    status: str,
    words: str,
) -> None:
    old.behave = behave
    bad = run_over_both(make_due(old_target), make_due(loft))
    assert bad.status == status
    assert words in bad.response


@pytest.mark.parametrize(
    ("fields", "result", "words"),
    [
        ({"status": "DELIVERED"}, "DELIVERED", "Saved."),
        (
            {"status": "DELIVERED", "attempted_delivery": "2021-02-03T00:00:00Z"},
            "DELIVERED",
            "Saved.",
        ),
        ({"status": "RETRY"}, "RETRY", "Saved."),
        ({"status": "DELIVERY FAILURE", "provider_message_id": 42}, "FAILED", "Saved."),
        ({"status": "DELIVERED", "retry_attempts": "many"}, "FAILED", "cannot be stored"),
        ({"status": "DELIVERED", "provider_message_id": "x" * 900}, "FAILED", "cannot be stored"),
    ],
)
def test_history_has_what_a_handler_of_1_5_3_has_saved(
    old_target: TargetUserRecord,
    loft: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    fields: dict[str, Any],
    result: str,
    words: str,
) -> None:
    if "x" * 900 in fields.values() and connection.vendor == "sqlite":
        pytest.skip("SQLite stores longer texts than a column says")
    settings.NOTIFICATION_SYSTEM = {"HISTORY": "all"}
    old.behave = saves(**fields)
    bad = run_over_both(make_due(old_target), make_due(loft))
    attempt = bad.attempts.get()
    assert attempt.result == result
    assert words in attempt.response
    assert attempt.attempted_at > timezone.now() - timedelta(minutes=1)


def test_an_interval_beyond_the_calendar_is_cut(loft: TargetUserRecord, make_due: MakeDue) -> None:
    bad = make_due(loft, title="retry", retry_time_interval=2_000_000_000)
    bad = run_over_both(bad, make_due(loft))
    assert bad.status == Notification.RETRY
    assert timezone.now() < bad.scheduled_delivery < timezone.now() + timedelta(days=366 * 11)


@pytest.mark.parametrize("json", ["9" * 5000, '{"a":' + "[" * 3000 + "]" * 3000 + "}"])
@pytest.mark.usefixtures("without_collection")
def test_an_extra_that_python_cannot_read_stops_no_run(
    loft: TargetUserRecord, make_due: MakeDue, json: str
) -> None:
    bad, good = make_due(loft, title="bad"), make_due(loft, title="good")
    with connection.cursor() as cursor:
        try:
            cursor.execute(
                "UPDATE notification_system_notification SET extra = %s WHERE title = 'bad'", [json]
            )
        except Exception as error:
            pytest.skip(f"this database does not store it: {error}")
    list(Run())
    readable = Notification.objects.defer("extra")
    good = readable.get(pk=good.pk)
    bad = readable.get(pk=bad.pk)
    assert good.status == Notification.DELIVERED
    if bad.status != Notification.DELIVERED:  # a Python that reads it delivers it
        assert bad.status == Notification.DELIVERY_FAILURE
        assert bad.response.startswith("Not sent: extra cannot be read (")
        assert bad.claim_token is None


def test_sys_exit_in_a_batch_handler_is_its_own_fault(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    def leave(notification: Notification) -> None:
        if notification.title == "leave":
            sys.exit(3)

    loft_handler.watchers.append(leave)
    bad = run_over_both(make_due(loft, title="leave"), make_due(loft))
    assert (bad.status, bad.retry_attempts) == (Notification.RETRY, 1)


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("target", ["loft", "old"])
def test_at_most_once_holds_where_a_handler_raises(
    loft: TargetUserRecord,
    old_target: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    number: int,
    target: str,
) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {target: {"when_unknown": "fail"}}
    old.behave = raises(TimeoutError("no answer"))
    record = loft if target == "loft" else old_target
    for index in range(number):
        make_due(record, title=f"raise {index}")
    list(Run())
    statuses = Notification.objects.values_list("status", flat=True)
    assert list(statuses) == [Notification.DELIVERY_FAILURE] * number


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_at_most_once_holds_where_the_run_is_ended_early(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "WIND_UP_SECONDS", 0.3)
    settings.NOTIFICATION_SYSTEM_TARGETS = {"slow": {"when_unknown": "fail"}}
    slow.begun.clear()
    slow.may_end.clear()
    target = NotificationTarget.objects.create(name="Slow", notification_module_name="slow")
    record = TargetUserRecord.objects.create(user=loft.user, target=target, target_user_id="garden")
    on_its_way = make_due(record)
    make_due(loft)
    attempts = iter(Run())
    next(attempts)
    assert slow.begun.wait(10)
    attempts.close()
    slow.may_end.set()
    on_its_way.refresh_from_db()
    assert on_its_way.status == Notification.DELIVERY_FAILURE
    assert "while the message was on its way" in on_its_way.response


@pytest.mark.parametrize("title", ["retry", "fail", "fog"])
def test_what_a_person_settles_meanwhile_stays_settled(
    loft: TargetUserRecord, make_due: MakeDue, title: str
) -> None:
    notification = make_due(loft, title=title)

    def cancel(sent: Notification) -> None:
        Notification.objects.filter(pk=sent.pk).update(status="OPTED OUT", response="By hand.")

    loft_handler.watchers.append(cancel)
    list(Run())
    notification.refresh_from_db()
    assert (notification.status, notification.response) == ("OPTED OUT", "By hand.")
    assert notification.claim_token is None


def test_what_a_person_edits_meanwhile_stays_edited(
    old_target: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(old_target)

    def behave(sent: Notification) -> str:
        Notification.objects.filter(pk=sent.pk).update(body="edited")
        sent.status = sent.DELIVERED
        sent.save()
        return "Sent."

    old.behave = behave
    list(Run())
    notification.refresh_from_db()
    assert (notification.status, notification.body) == ("DELIVERED", "edited")


def test_a_handler_that_moves_the_time_itself_is_called_once_a_run(
    old_target: TargetUserRecord, make_due: MakeDue
) -> None:
    calls = []

    def behave(notification: Notification) -> str:
        calls.append(notification.pk)
        notification.scheduled_delivery += timedelta(minutes=1)
        notification.status = notification.RETRY
        notification.save()
        return "A minute later."

    old.behave = behave
    notification = make_due(old_target, scheduled_delivery=timezone.now() - timedelta(minutes=10))
    list(Run())
    notification.refresh_from_db()
    assert len(calls) == 1
    assert notification.status == Notification.RETRY


def test_limit_takes_the_oldest_of_all_targets(
    loft: TargetUserRecord, old_target: TargetUserRecord, make_due: MakeDue
) -> None:
    old.behave = lambda notification: Outcome.delivered(notification, "Sent.")
    now = timezone.now()
    for index in range(3):
        make_due(loft, title=f"new {index}", scheduled_delivery=now - timedelta(minutes=1))
        make_due(old_target, title=f"old {index}", scheduled_delivery=now - timedelta(hours=1))
    call_command("process_notifications", "--limit", "4", verbosity=0)
    delivered = Notification.objects.filter(status="DELIVERED").values_list("title", flat=True)
    assert sorted(title.split()[0] for title in delivered) == ["new", "old", "old", "old"]


def test_a_handler_that_wraps_a_built_in_one_is_announced_once(
    old_target: TargetUserRecord,
    make_due: MakeDue,
    mailoutbox: list[Any],
    django_capture_on_commit_callbacks: Any,
) -> None:
    def wrap(notification: Notification) -> str:
        from django_notification_system.notification_handlers.email import send_notification

        return send_notification(notification)

    old.behave = wrap
    TargetUserRecord.objects.update(target_user_id="attic@example.com")
    notification = make_due(old_target)
    told: list[str] = []

    def receive(notification: Notification, **kwargs: Any) -> None:
        told.append(notification.status)

    signals.notification_delivered.connect(receive)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            list(Run())
    finally:
        signals.notification_delivered.disconnect(receive)
    notification.refresh_from_db()
    assert len(mailoutbox) == 1
    assert (notification.status, notification.response) == ("DELIVERED", "Email Successfully Sent")
    assert told == ["DELIVERED"]


def test_lines_typed_into_a_form_are_printed_as_lines(
    loft: TargetUserRecord, make_due: MakeDue, capsys: pytest.CaptureFixture[str]
) -> None:
    make_due(loft, title="hello", body="line 1\r\nline 2")
    call_command("process_notifications")
    assert "hello - line 1\nline 2\n" in capsys.readouterr().out
