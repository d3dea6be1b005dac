"""What a provider that is busy does not take waits as long as it asks, and costs no attempt."""

import threading
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice, pairwise
from typing import Any

import pytest
from django.utils import timezone

from django_notification_system.delivery.runs import lull
from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import (
    Notification,
    NotificationAttempt,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.outcome import Outcome
from django_notification_system.testing.providers import Answer, ProviderStandIn
from django_notification_system.testing.smtp import SmtpStandIn
from tests.conftest import MakeDue
from tests.support.handlers import freely
from tests.support.runs import in_real_transactions, make_many, pause_is_over, states


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lull, "FIRST_WAIT_SECONDS", 0.02)


def busy(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    for notification in notifications:
        yield Outcome.busy(notification, "Slow down.")


def delivered_in_order() -> list[str]:
    rows = Notification.objects.filter(status="DELIVERED").order_by("attempted_delivery")
    return list(rows.values_list("title", flat=True))


@in_real_transactions
def test_forty_mails_go_over_the_two_connections_that_a_server_takes(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue
) -> None:
    mail_server.most_connections = 2
    for number in range(40):
        make_due(email, title=f"Number {number}")
    run = Run()
    list(run)
    assert states(email) == {("DELIVERED", 0, None)}
    assert len(mail_server.received) == 40
    assert run.problems == {}
    assert mail_server.connections <= 5


@in_real_transactions
def test_a_mail_server_that_takes_a_few_at_a_time_gets_all_in_one_run(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue
) -> None:
    mail_server.limit_messages(10, 0.05)
    for number in range(40):
        make_due(email, title=f"Number {number}")
    run = Run()
    list(run)
    assert run.problems == {}
    assert states(email) == {("DELIVERED", 0, None)}
    assert len(mail_server.received) == 40
    assert not NotificationAttempt.objects.exists()


@pytest.mark.parametrize("target", ["Twilio", "Expo"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_short_wait_that_is_asked_for_is_a_short_wait(
    providers: ProviderStandIn,
    records: dict[str, TargetUserRecord],
    make_due: MakeDue,
    target: str,
    status: int,
) -> None:
    providers.answers.append(Answer(status=status, text="", headers={"Retry-After": "0"}))
    make_due(records[target])
    run = Run()
    list(run)
    assert run.problems == {}
    assert states(records[target]) == {("DELIVERED", 0, None)}


def test_a_second_that_is_asked_for_is_a_second(
    providers: ProviderStandIn, records: dict[str, TargetUserRecord], make_due: MakeDue
) -> None:
    providers.answers.append(Answer(status=429, text="", headers={"Retry-After": "1"}))
    make_due(records["Twilio"])
    start = time.monotonic()
    list(Run())
    assert 0.8 < time.monotonic() - start < 30
    assert states(records["Twilio"]) == {("DELIVERED", 0, None)}


@in_real_transactions
@pytest.mark.parametrize("target", ["Twilio", "Expo"])
def test_a_provider_that_takes_a_few_at_a_time_gets_all_in_one_run(
    providers: ProviderStandIn,
    records: dict[str, TargetUserRecord],
    make_due: MakeDue,
    target: str,
) -> None:
    for number in range(12):
        make_due(records[target], title=f"Number {number}")
    providers.limit_messages(8 if target == "Twilio" else 12, 0.3)
    if target == "Expo":
        providers.limit_messages(12, 0.3)
        assert providers._limit is not None
        providers._limit.seconds_to_wait(6)  # another process has had half of it
    run = Run()
    list(run)
    assert run.problems == {}
    assert states(records[target]) == {("DELIVERED", 0, None)}


@pytest.mark.parametrize("target", ["Twilio", "Expo"])
def test_a_long_wait_that_is_asked_for_pauses_the_target_until_then(
    providers: ProviderStandIn,
    records: dict[str, TargetUserRecord],
    make_due: MakeDue,
    target: str,
) -> None:
    answer = Answer(status=429, text="", headers={"Retry-After": "7200"})
    providers.on_request = lambda request: answer
    make_due(records[target])
    run = Run()
    list(run)
    assert "wants no more for now" in run.problems[target]
    assert states(records[target]) == {("SCHEDULED", 0, None)}
    paused_until = NotificationTarget.objects.get(name=target).paused_until
    assert paused_until is not None
    assert abs(paused_until - timezone.now() - timedelta(hours=2)) < timedelta(seconds=30)


def test_a_provider_that_takes_nothing_and_names_no_time_pauses_its_target(
    record: TargetUserRecord,
) -> None:
    freely.behave = busy
    make_many(record, 5)
    for _ in range(5):
        run = Run()
        list(run)
        assert "wants no more for now" in run.problems["Freely"]
        assert states(record) == {("SCHEDULED", 0, None)}
        pause_is_over(record.target)
    freely.behave = freely.one_after_another
    list(Run())
    assert states(record) == {("DELIVERED", 0, None)}


def test_after_each_wait_in_vain_the_next_is_longer_until_the_target_is_paused(
    record: TargetUserRecord,
) -> None:
    """As a provider does whose limit for the day is used up."""
    moments = []

    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for notification in notifications:
            moments.append(time.monotonic())
            if len(moments) == 1:
                yield Outcome.delivered(notification, "Sent.")
            else:
                yield Outcome.busy(notification, "Enough for today.")

    freely.behave = behave
    make_many(record, 3)
    run = Run()
    list(run)
    assert "wants no more for now" in run.problems["Freely"]
    assert "Enough for today." in run.problems["Freely"]
    assert states(record) == {("DELIVERED", 0, None), ("SCHEDULED", 0, None)}
    waits = [after - before for before, after in pairwise(moments[1:])]
    assert len(waits) == lull.MOST_WAITS
    for number, wait in enumerate(waits):
        assert wait >= lull.FIRST_WAIT_SECONDS * 2**number


def test_a_first_message_that_is_refused_stops_no_other_that_is_taken(
    record: TargetUserRecord, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """Of messages side by side the refusal may come first, though the provider takes the rest."""
    settings.NOTIFICATION_SYSTEM = {"RECORD_EVERY": 1}  # the run hears of each answer at once
    refused: list[str] = []
    is_noted = threading.Event()
    begin = lull.Lull.begin

    def begin_and_tell(*arguments: Any, **options: Any) -> None:
        begin(*arguments, **options)
        is_noted.set()

    monkeypatch.setattr(lull.Lull, "begin", begin_and_tell)

    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        some = list(islice(notifications, 8))
        if not refused:
            refused.append(some[0].title)
            yield Outcome.busy(some.pop(0), "Slow down.")
            assert is_noted.wait(10)
        for notification in some:
            yield Outcome.delivered(notification, "Sent.")

    freely.behave = behave
    make_many(record, 120)
    run = Run()
    list(run)
    assert run.problems == {}
    assert states(record) == {("DELIVERED", 0, None)}
    record.target.refresh_from_db()
    assert record.target.paused_until is None


def test_a_long_time_that_a_provider_names_counts_though_it_takes_another(
    record: TargetUserRecord,
) -> None:
    later = timezone.now() + timedelta(hours=2)

    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        first, *others = islice(notifications, 3)  # side by side: all are taken before an answer
        yield Outcome.busy(first, "Slow down.", not_before=later)
        for notification in others:
            yield Outcome.delivered(notification, "Sent.")

    freely.behave = behave
    make_many(record, 3)
    run = Run()
    list(run)
    assert "wants no more for now" in run.problems["Freely"]
    record.target.refresh_from_db()
    assert record.target.paused_until is not None
    assert abs(record.target.paused_until - later) < timedelta(seconds=30)


def test_a_message_that_alone_is_too_much_is_an_attempt_after_a_while(
    record: TargetUserRecord,
) -> None:
    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for notification in notifications:
            if notification.title == "number 5":
                yield Outcome.busy(notification, "Slow down.")
            else:
                yield Outcome.delivered(notification, "Sent.")

    freely.behave = behave
    make_many(record, 60)
    run = Run()
    list(run)
    assert run.problems == {}
    assert Notification.objects.get(title="number 5").retry_attempts == 1
    assert Notification.objects.filter(status="DELIVERED").count() == 59


@in_real_transactions
def test_what_changes_while_a_provider_is_left_alone_counts(
    record: TargetUserRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who opts out meanwhile gets nothing, and what is cancelled is not sent."""
    monkeypatch.setattr(lull, "FIRST_WAIT_SECONDS", 0.1)
    sent = []

    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for notification in notifications:
            sent.append(notification.title)
            if len(sent) == 2:
                Notification.objects.filter(title="number 2").update(status="CANCELLED")
                yield Outcome.busy(notification, "Slow down.")
            else:
                yield Outcome.delivered(notification, "Sent.")

    freely.behave = behave
    make_many(record, 4)
    list(Run())
    assert sent == ["number 0", "number 1", "number 1", "number 3"]


@in_real_transactions
def test_a_run_that_is_told_to_stop_waits_no_longer(
    record: TargetUserRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lull, "FIRST_WAIT_SECONDS", 20)

    def behave(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for number, notification in enumerate(notifications):
            if number:
                yield Outcome.busy(notification, "Slow down.")
                run.stop()
            else:
                yield Outcome.delivered(notification, "Sent.")

    freely.behave = behave
    make_many(record, 4)
    run = Run()
    start = time.monotonic()
    list(run)
    assert time.monotonic() - start < 10
    assert states(record) == {("DELIVERED", 0, None), ("SCHEDULED", 0, None)}


ANSWERS_OF_A_BUSY_SERVER: list[tuple[Any, str]] = [
    ("MAIL", "452 4.5.3 Too many messages"),
    ("MAIL", "451 4.7.500 Server busy. Please try again later"),
    ("MAIL", "450 4.7.1 Error: too much mail from 127.0.0.1"),
    ("RCPT", "421 4.7.0 Closing"),
    ("RCPT", "452 4.5.3 Too many recipients"),
    ("MESSAGE", "454 Throttling failure: Maximum sending rate exceeded."),
    ("MESSAGE", "432 4.3.2 Concurrent connections limit exceeded"),
    ("MESSAGE", "451 4.3.2 System not accepting messages"),
]


@pytest.mark.parametrize(("command", "answer"), ANSWERS_OF_A_BUSY_SERVER)
def test_mail_that_a_busy_server_does_not_take_waits_and_costs_no_attempt(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue, command: Any, answer: str
) -> None:
    mail_server.answer(command, answer, after=1, times=1)
    for number in range(3):
        make_due(email, title=f"Number {number}")
    run = Run()
    list(run)
    assert run.problems == {}
    assert states(email) == {("DELIVERED", 0, None)}


@pytest.mark.parametrize(
    "answer", ["451 4.4.1 No answer from host", "421 4.4.2 Connection to host lost"]
)
def test_what_the_servers_own_next_server_says_of_one_recipient_is_an_attempt(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue, answer: str
) -> None:
    mail_server.answer("RCPT", answer)
    make_due(email)
    run = Run()
    list(run)
    assert run.problems == {}
    assert states(email) == {("RETRY", 1, None)}
