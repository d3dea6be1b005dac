"""A run finds out how many messages its provider takes at once, and the next run knows."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system.delivery.runs import lull
from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import (
    Notification,
    NotificationAttempt,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_handlers.email.connection import MailConnection
from django_notification_system.notification_handlers.expo import sending
from django_notification_system.testing.exchange import ReceivedRequest
from django_notification_system.testing.mail_servers import amazon_ses, microsoft_365
from django_notification_system.testing.providers import (
    TOO_MANY_REQUESTS,
    Answer,
    ProviderStandIn,
)
from django_notification_system.testing.smtp import SmtpStandIn
from tests.support.mail_backends import use_backend
from tests.support.runs import in_real_transactions, make_many, pause_is_over, states

ALL_DELIVERED = {("DELIVERED", 0, None)}


def run() -> Run:
    this = Run()
    list(this)
    return this


def found(name: str) -> tuple[int | None, int | None]:
    target = NotificationTarget.objects.get(name=name)
    return target.concurrency, target.concurrency_limit


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The refusals after which a run waits for its provider."""
    begun: list[object] = []
    begin = lull.Lull.begin

    def note(self: lull.Lull, answer: Any, **options: Any) -> None:
        begun.append(answer)
        begin(self, answer, **options)

    monkeypatch.setattr(lull.Lull, "begin", note)
    return begun


@in_real_transactions
def test_a_run_finds_the_connections_that_a_server_takes_and_the_next_run_opens_no_more(
    mail_server: SmtpStandIn, email: TargetUserRecord, waits: list[object]
) -> None:
    mail_server.most_connections = 3
    mail_server.answer("MESSAGE", delay=0.03)
    make_many(email, 80)
    assert run().problems == {}
    assert found("Email") == (3, 3)
    assert mail_server.connections == 4  # the fourth was refused
    make_many(email, 30)
    assert run().problems == {}
    assert mail_server.connections == 7
    assert states(email) == ALL_DELIVERED
    assert len(mail_server.received) == 110
    assert not NotificationAttempt.objects.exists()
    assert waits == []


@in_real_transactions
def test_a_run_uses_more_connections_where_these_are_faster(
    mail_server: SmtpStandIn, email: TargetUserRecord, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"email": {"connections": 6}}
    mail_server.answer("MESSAGE", delay=0.1)
    make_many(email, 60)
    run()
    assert mail_server.most_open_connections > 2
    assert mail_server.most_open_connections <= 6
    assert states(email) == ALL_DELIVERED


@in_real_transactions
def test_what_was_found_costs_one_update_and_only_where_it_is_new(
    mail_server: SmtpStandIn, email: TargetUserRecord
) -> None:
    def updates(number: int) -> int:
        make_many(email, number)
        with CaptureQueriesContext(connection) as queries:
            run()
        return sum(
            each["sql"].startswith("UPDATE") and "concurrency" in each["sql"] for each in queries
        )

    mail_server.most_connections = 2
    mail_server.answer("MESSAGE", delay=0.06)
    assert updates(2) == 0
    assert updates(30) == 1
    assert found("Email") == (2, 2)
    assert updates(30) == 0


@pytest.mark.parametrize("until", [timedelta(seconds=-1), timedelta(days=1)])
@in_real_transactions
def test_what_was_found_is_forgotten_after_some_minutes(
    mail_server: SmtpStandIn, email: TargetUserRecord, until: timedelta
) -> None:
    """A time that is too far away comes from a host with a wrong clock."""
    target = NotificationTarget.objects.filter(name="Email")
    soon = timezone.now() + timedelta(minutes=4)
    target.update(concurrency=1, concurrency_limit=1, concurrency_until=soon)
    mail_server.answer("MESSAGE", delay=0.02)
    make_many(email, 10)
    run()
    assert mail_server.most_open_connections == 1
    target.update(concurrency_until=timezone.now() + until)
    make_many(email, 10)
    run()
    assert mail_server.most_open_connections >= 2
    assert states(email) == ALL_DELIVERED


@pytest.mark.parametrize(
    "answer",
    [
        "421 4.3.2 Service not available, closing transmission channel",
        "432 4.3.2 Concurrent connections limit exceeded",
        "451 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded",
        "450 4.7.0 Too many concurrent connections",
    ],
)
@pytest.mark.parametrize("command", ["RCPT", "MESSAGE"])
@in_real_transactions
def test_a_message_goes_over_another_connection_at_once_where_the_server_wants_fewer(
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    waits: list[object],
    settings: Any,
    command: Any,
    answer: str,
) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"email": {"connections": 2}}
    mail_server.answer("MESSAGE", delay=0.05, times=4)
    mail_server.answer(command, answer, after=3, times=1)
    make_many(email, 12)
    assert run().problems == {}
    assert states(email) == ALL_DELIVERED
    assert waits == []
    assert found("Email") == (1, 1)
    assert len(mail_server.received) == 12


@in_real_transactions
def test_microsoft_365_gets_its_mails_over_the_three_connections_that_it_takes(
    email: TargetUserRecord, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lull, "FIRST_WAIT_SECONDS", 0.1)
    with microsoft_365(minute=0.5) as server:
        use_backend(settings, host=server.host, port=server.port)
        server.answer("MESSAGE", delay=0.02)
        make_many(email, 100)
        for _ in range(10):
            run()
            pause_is_over(email.target)
        assert states(email) == ALL_DELIVERED
        assert len(server.received) == 100
        at_once, limit = found("Email")
        assert at_once is not None
        assert limit is not None
        assert 1 <= at_once <= limit <= 3
    assert not NotificationAttempt.objects.exists()


@in_real_transactions
def test_amazon_ses_gets_its_mails_at_the_rate_that_it_takes(
    email: TargetUserRecord, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lull, "FIRST_WAIT_SECONDS", 0.2)
    with amazon_ses(rate=20) as server:
        use_backend(settings, host=server.host, port=server.port)
        make_many(email, 60)
        assert run().problems == {}
        assert states(email) == ALL_DELIVERED
        assert len(server.received) == 60
        assert found("Email") == (1, 1)
    assert not NotificationAttempt.objects.exists()


class AtOnce:
    """Refuses requests beyond a number at once, as Twilio does."""

    def __init__(self, providers: ProviderStandIn, most: int) -> None:
        self.refused = 0
        self._providers = providers
        self._most = most

    def __call__(self, request: ReceivedRequest) -> Answer | None:
        if self._providers._at_once > self._most:
            self.refused += 1
            headers = {"Retry-After": "0"}
            return Answer(status=429, json=TOO_MANY_REQUESTS, headers=headers)
        return Answer(delay=0.1)


@pytest.mark.parametrize(("name", "number"), [("Twilio", 60), ("Expo", 480)])
@in_real_transactions
def test_a_429_costs_no_attempt_and_the_slower_pace_is_kept(
    providers: ProviderStandIn,
    records: dict[str, TargetUserRecord],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    number: int,
) -> None:
    monkeypatch.setattr(sending, "MESSAGES_IN_A_REQUEST", 8)
    refuses = AtOnce(providers, most=3)
    providers.on_request = refuses
    make_many(records[name], number)
    assert run().problems == {}
    at_once, limit = found(name)
    assert at_once in (2, 3)
    assert limit == 3
    assert 0 < refuses.refused < 10
    refused = refuses.refused
    make_many(records[name], number // 2)
    assert run().problems == {}
    assert refuses.refused == refused
    assert states(records[name]) == ALL_DELIVERED
    assert Notification.objects.count() == number + number // 2
    assert len(providers.received) == number + number // 2
    assert not NotificationAttempt.objects.exists()


@in_real_transactions
def test_connections_are_closed_side_by_side(
    mail_server: SmtpStandIn, email: TargetUserRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each waits for the others: one after another would never end."""
    together = threading.Barrier(2, timeout=20)
    close = MailConnection.close
    met: list[int] = []

    def close_together(self: MailConnection) -> None:
        together.wait()
        met.append(1)
        close(self)

    monkeypatch.setattr(MailConnection, "close", close_together)
    mail_server.answer("MESSAGE", delay=0.05)
    make_many(email, 2)
    run()
    assert len(met) == 2
    assert states(email) == ALL_DELIVERED
