"""Each row of the table of receivers' faults, on a real socket."""

import logging
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
from django_notification_system.notification_handlers.faults import Verdict
from django_notification_system.notification_handlers.webhook import deliver
from django_notification_system.notification_handlers.webhook.faults import (
    FAULTS,
    Trouble,
    classify,
)
from django_notification_system.outcome import OutcomeKind
from django_notification_system.testing.providers import Answer
from django_notification_system.testing.webhook_receiver import WebhookReceiver
from tests.conftest import MakeDue
from tests.support.busy_records import check_short_wait
from tests.support.certificates import server_context
from tests.support.ports import refusing_port
from tests.support.provider_support import PATIENCE_SECONDS, refused, time_limit
from tests.support.raw_server import RawServer
from tests.support.rows import STATUS, Proofs, rows_counted
from tests.support.runs import states, wait_until
from tests.support.webhook_support import SECRET, answer_names, configure, record_of
from tests.support.webpush_support import speak_tls

proves = Proofs(FAULTS)
PLANTED = "planted-words-of-an-answer"

Prove = Callable[..., Notification]


def test_each_row_is_proved_by_a_test_that_names_it() -> None:
    proves.check()


@pytest.fixture
def prove(
    receiver: WebhookReceiver,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> Prove:
    """A function that sends a webhook, and checks which row has counted and what came of it."""

    def prove(name: str, timeout: float = PATIENCE_SECONDS) -> Notification:
        configure(settings, timeout=timeout)
        [fault] = [fault for fault in FAULTS if fault.name == name]
        notification = make_due(record, body="planted-body")
        with caplog.at_level(logging.DEBUG, logger="django_notification_system"):
            this = Run()
            list(this)
        assert rows_counted(caplog, "Webhook") == [name]
        assert not this.problems
        notification.refresh_from_db()
        record.refresh_from_db()
        assert notification.status == STATUS[fault.verdict]
        assert record.active is (fault.verdict is not Verdict.ADDRESS_GONE)
        target = NotificationTarget.objects.get(notification_module_name="webhook")
        assert target.paused_until is None  # one receiver's fault is not the others'
        assert fault.hint in notification.response
        said = notification.response + caplog.text
        assert "planted" not in said
        assert receiver.secrets[0] not in said
        assert "/webhooks" not in said
        return notification

    return prove


ANSWERS: list[tuple[str, Answer]] = [
    ("receiver gone", Answer(status=410, text=PLANTED)),
    ("too many webhooks", Answer(status=429, text=PLANTED)),
    ("request not in time", Answer(status=408, text=PLANTED)),
    ("receiver down", Answer(status=500, text=PLANTED)),
    ("receiver down", Answer(status=502, text=PLANTED)),
    ("receiver down", Answer(status=503, text=PLANTED)),
    ("redirect", Answer(status=302, headers={"Location": f"http://127.0.0.1:1/{PLANTED}"})),
    ("redirect", Answer(status=308, headers={"Location": "/elsewhere"})),
    ("redirect", Answer(status=304, text="")),
    ("refused", Answer(status=400, text=PLANTED)),
    ("refused", Answer(status=401, text=PLANTED)),
    ("refused", Answer(status=403, text=PLANTED)),
    ("refused", Answer(status=404, text=PLANTED)),
    ("refused", Answer(status=422, text=PLANTED)),
    ("no answer", Answer(close=True)),
    ("no answer", Answer(delay=5)),
]


@proves(*{name for name, _ in ANSWERS})
@pytest.mark.parametrize(("name", "answer"), ANSWERS)
def test_what_a_receiver_answers(
    prove: Prove, receiver: WebhookReceiver, name: str, answer: Answer
) -> None:
    receiver.on_request = refused(answer)
    prove(name, timeout=time_limit(answer))
    wait_until(lambda: len(receiver.requests) == 1)  # no redirect is followed


@pytest.mark.parametrize(
    ("status", "expected"), [(200, "DELIVERED"), (410, "INACTIVE DEVICE"), (500, "RETRY")]
)
def test_a_body_that_breaks_off_says_nothing_of_the_webhook(
    record: TargetUserRecord, make_due: MakeDue, settings: Any, status: int, expected: str
) -> None:
    configure(settings, timeout=PATIENCE_SECONDS)

    def talk(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(f"HTTP/1.1 {status} So\r\nContent-Length: 99\r\n\r\nhalf".encode())

    notification = make_due(record)
    with RawServer(talk) as server:
        record.details["url"] = f"http://127.0.0.1:{server.port}/"
        record.save()
        list(Run())
    notification.refresh_from_db()
    assert notification.status == expected


@pytest.mark.parametrize(
    ("answer", "expected", "said"),
    [
        (b"302 So\r\nLocation: http://\xff\xfe\r\nContent-Length: 0\r\n\r\n", "RETRY", "HTTP 302"),
        (b"302 So\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n", "RETRY", "HTTP 302"),
        (b"500 So\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n", "RETRY", "HTTP 500"),
        (b"200 So\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n", "DELIVERED", "has taken"),
    ],
    ids=["bytes", "no URL", "a negative chunk", "a negative chunk of a receipt"],
)
def test_no_odd_answer_is_a_fault_of_the_handler(
    answer: bytes,
    expected: str,
    said: str,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    configure(settings, timeout=PATIENCE_SECONDS)

    def talk(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 " + answer)

    notification = make_due(record)
    with RawServer(talk) as server:
        record.details["url"] = f"http://127.0.0.1:{server.port}/"
        record.save()
        list(Run())
    notification.refresh_from_db()
    assert notification.status == expected
    assert said in notification.response


@pytest.mark.parametrize("status", [429, 503])
def test_a_second_that_the_receiver_asks_for_is_a_second(
    receiver: WebhookReceiver, record: TargetUserRecord, make_due: MakeDue, status: int
) -> None:
    answer = Answer(status=status, text=PLANTED, headers={"Retry-After": "1"})
    check_short_wait(receiver, make_due(record), refused(answer))


@pytest.mark.parametrize("status", [429, 503])
def test_a_long_time_that_the_receiver_names_is_kept(
    receiver: WebhookReceiver, record: TargetUserRecord, make_due: MakeDue, status: int
) -> None:
    receiver.on_request = refused(Answer(status=status, headers={"Retry-After": "7200"}))
    notification = make_due(record)
    list(Run())
    notification.refresh_from_db()
    assert notification.scheduled_delivery > timezone.now() + timedelta(minutes=110)
    assert (notification.status, notification.retry_attempts) == ("SCHEDULED", 0)


def test_a_receiver_that_is_busy_or_down_keeps_no_other_waiting(
    receiver: WebhookReceiver, record: TargetUserRecord, make_due: MakeDue
) -> None:
    with WebhookReceiver() as busy:
        busy.on_request = refused(Answer(status=429, text=PLANTED))
        of_busy = record_of(record.user, record.target, busy)
        for number in range(30):
            make_due(of_busy, title=f"Busy {number}")
            make_due(record, title=f"Taken {number}")
        run = Run()
        list(run)
        assert len(busy.requests) == 30
    assert run.problems == {}
    assert states(record) == {("DELIVERED", 0, None)}
    assert states(of_busy) == {("SCHEDULED", 0, None)}


@proves("no connection")
def test_where_nobody_listens_it_is_tried_again(prove: Prove, record: TargetUserRecord) -> None:
    with refusing_port() as port:
        record.details["url"] = f"http://127.0.0.1:{port}/webhooks"
        record.save()
        assert f"port={port}" in prove("no connection").response


@proves("certificate not trusted")
def test_a_certificate_that_is_not_trusted_is_the_receivers_own_fault(
    prove: Prove, record: TargetUserRecord, receiver: WebhookReceiver, tmp_path: Path
) -> None:
    context, _ = server_context(tmp_path)
    speak_tls(receiver, context)
    record.details["url"] = f"https://localhost:{receiver.port}/webhooks"
    record.save()
    prove("certificate not trusted")
    assert receiver.requests == []


@proves("private network")
def test_a_name_that_leads_to_this_machine_gets_nothing(
    prove: Prove,
    record: TargetUserRecord,
    receiver: WebhookReceiver,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = answer_names(monkeypatch, lambda host: ["127.0.0.1"])
    record.details["url"] = "https://hooks.example.com:8443/webhooks"
    record.save()
    configure(settings, allow_private=False)
    assert "hooks.example.com is in a private network" in prove("private network").response
    assert asked == ["hooks.example.com"]


@proves("no request")
def test_a_url_that_makes_no_request_fails(prove: Prove, record: TargetUserRecord) -> None:
    record.details["url"] = f"http://{'a' * 70}.example.com/webhooks"
    record.save()
    prove("no request")


def test_one_receiver_that_is_away_keeps_no_other_waiting(
    receiver: WebhookReceiver,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    settings.NOTIFICATION_SYSTEM = {"PAUSE_AFTER": 2}
    with refusing_port() as port:
        away = TargetUserRecord.objects.create(
            user=record.user,
            target=record.target,
            target_user_id="sha256:" + "a" * 43,
            details={"url": f"http://127.0.0.1:{port}/", "secrets": [SECRET]},
            description="Away",
        )
        for number in range(6):
            make_due(away, title=f"Away {number}")
        make_due(record)
        list(Run())
    assert len(receiver.webhooks) == 1
    assert Notification.objects.filter(status="RETRY").count() == 6


@given(answer=st.one_of(st.integers(0, 999).map(str), st.text(max_size=12)))
def test_every_answer_has_a_row_and_none_stops_the_target(answer: str) -> None:
    assert classify(Trouble(answer=answer)).verdict in STATUS


STATUSES = st.integers(200, 599).filter(lambda status: status not in (204, 205, 304))
HEADERS = st.dictionaries(
    st.sampled_from(["Retry-After", "Location", "X-Other"]),
    st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=30),
)


def test_whatever_a_receiver_answers_a_webhook_has_one_outcome(
    receiver: WebhookReceiver, settings: Any
) -> None:
    configure(settings, timeout=PATIENCE_SECONDS)
    record = TargetUserRecord(
        target=NotificationTarget(name="W", notification_module_name="webhook"),
        target_user_id=receiver.address,
        details=receiver.details,
    )

    @given(status=STATUSES, text=st.text(max_size=200), headers=HEADERS)
    def check(status: int, text: str, headers: dict[str, str]) -> None:
        receiver.on_request = refused(Answer(status=status, text=text, headers=headers))
        notification = Notification(target_user_record=record, title="t", body="b")
        [outcome] = deliver(iter([notification]))
        if status < 300:
            assert outcome.result is OutcomeKind.DELIVERED
        elif status == 410:
            assert (outcome.result, outcome.deactivate_record) == (OutcomeKind.FAILED, True)
        else:
            assert outcome.result is OutcomeKind.RETRY
            assert not outcome.is_provider_down
            assert not outcome.is_busy

    check()
