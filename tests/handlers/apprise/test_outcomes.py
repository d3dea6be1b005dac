"""Each row of the table of services' faults, on a real socket."""

import logging
import socket
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
from django_notification_system.notification_handlers.apprise.faults import FAULTS
from django_notification_system.notification_handlers.faults import Verdict
from django_notification_system.testing.providers import Answer, ProviderStandIn
from tests.conftest import MakeDue
from tests.support.apprise_support import configure, url_of
from tests.support.busy_records import check_short_wait
from tests.support.ports import refusing_port
from tests.support.provider_support import (
    PATIENCE_SECONDS,
    SILENCE_SECONDS,
    refused,
    time_limit,
)
from tests.support.raw_server import RawServer
from tests.support.rows import Proofs, rows_counted

proves = Proofs(FAULTS)
STATUS = {
    Verdict.RETRY: "RETRY",
    Verdict.RECORD_BUSY: "SCHEDULED",
    Verdict.RECORD_DOWN: "RETRY",
    Verdict.FAILED: "DELIVERY FAILURE",
    Verdict.HARD_BOUNCE: "INACTIVE DEVICE",
    Verdict.ADDRESS_GONE: "INACTIVE DEVICE",
    Verdict.UNKNOWN: "RETRY",
}

Prove = Callable[..., Notification]


def test_each_row_is_proved_by_a_test_that_names_it() -> None:
    proves.check()


@pytest.fixture
def prove(make_due: MakeDue, settings: Any, caplog: pytest.LogCaptureFixture) -> Prove:
    """A function that sends a message, and checks which row has counted and what came of it."""

    def prove(
        record: TargetUserRecord, name: str, timeout: float = PATIENCE_SECONDS
    ) -> Notification:
        configure(settings, timeout=timeout)
        [fault] = [fault for fault in FAULTS if fault.name == name]
        notification = make_due(record, title="Planted-title 417", body="planted-body=417")
        caplog.clear()
        with caplog.at_level(logging.DEBUG):
            this = Run()
            list(this)
        assert rows_counted(caplog, "Apprise") == [name]
        assert not this.problems
        notification.refresh_from_db()
        record.refresh_from_db()
        assert notification.status == STATUS[fault.verdict]
        assert record.active is (STATUS[fault.verdict] != "INACTIVE DEVICE")
        target = NotificationTarget.objects.get(notification_module_name="apprise")
        assert target.paused_until is None  # one service's fault is not the others'
        assert fault.hint in notification.response
        assert "lanted" not in notification.response + caplog.text
        return notification

    return prove


ANSWERS = [
    ("too many messages", 429),
    ("record's secret refused", 401),
    ("record's secret refused", 403),
    ("refused", 400),
    ("refused", 404),
    ("refused", 410),
    ("refused", 413),
    ("refused", 422),
    ("service down", 500),
    ("service down", 503),
    ("not told", 307),
    ("not told", 409),
]


@proves(*{name for name, _ in ANSWERS})
@pytest.mark.parametrize(("name", "status"), ANSWERS)
def test_what_a_service_answers(
    prove: Prove, own: TargetUserRecord, service: ProviderStandIn, name: str, status: int
) -> None:
    location = {"Location": f"{service.url}/elsewhere"}
    service.on_request = refused(Answer(status=status, text="planted-answer", headers=location))
    prove(own, name)
    assert len(service.requests) == 1  # no redirect is followed, and nothing is tried again


@proves("settings' secret refused")
def test_a_secret_of_the_settings_is_not_the_records_fault(
    prove: Prove, ops: TargetUserRecord, service: ProviderStandIn
) -> None:
    service.on_request = refused(Answer(status=401))
    prove(ops, "settings' secret refused")
    ops.refresh_from_db()
    assert ops.hard_bounces == 0


@pytest.mark.parametrize("status", [429, 503])
def test_a_second_that_the_service_asks_for_is_a_second(
    own: TargetUserRecord, service: ProviderStandIn, make_due: MakeDue, status: int
) -> None:
    answer = Answer(status=status, headers={"Retry-After": "1"})
    taken = refused(Answer(status=200))
    check_short_wait(service, make_due(own), refused(answer), taken=taken)


def test_after_too_many_the_message_waits_a_minute(
    prove: Prove, own: TargetUserRecord, service: ProviderStandIn
) -> None:
    service.on_request = refused(Answer(status=429))
    notification = prove(own, "too many messages")
    wait = notification.scheduled_delivery - timezone.now()
    assert timedelta(seconds=30) < wait <= timedelta(seconds=60)
    assert notification.retry_attempts == 0


@proves("no answer")
@pytest.mark.parametrize("answer", [Answer(close=True), Answer(delay=5)])
def test_without_an_answer_nobody_knows(
    prove: Prove, own: TargetUserRecord, service: ProviderStandIn, answer: Answer
) -> None:
    service.on_request = refused(answer)
    prove(own, "no answer", timeout=time_limit(answer))


@proves("no answer")
def test_an_answer_that_comes_an_octet_at_a_time_is_not_waited_for(
    prove: Prove, own: TargetUserRecord
) -> None:
    is_over = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.recv(65536)
        for octet in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n":
            connection.sendall(bytes([octet]))
            is_over.wait(0.1)  # each before the timeout, all of them after it

    with RawServer(drip) as server:
        own.details = {"url": f"json://127.0.0.1:{server.port}/"}
        own.save()
        prove(own, "no answer", timeout=SILENCE_SECONDS)


def test_a_time_that_the_service_names_is_kept_to(
    own: TargetUserRecord, service: ProviderStandIn, make_due: MakeDue
) -> None:
    service.on_request = refused(Answer(status=503, headers={"Retry-After": "7200"}))
    notification = make_due(own)
    list(Run())
    notification.refresh_from_db()
    assert notification.scheduled_delivery > timezone.now() + timedelta(minutes=119)
    assert (notification.status, notification.retry_attempts) == ("SCHEDULED", 0)


@proves("no connection")
def test_where_nobody_listens_nothing_was_sent(prove: Prove, own: TargetUserRecord) -> None:
    with refusing_port() as port:
        own.details = {"url": f"json://127.0.0.1:{port}/"}
        own.save()
        prove(own, "no connection")


@proves("no URL")
def test_a_record_without_a_url_fails_and_stays(prove: Prove, ops: TargetUserRecord) -> None:
    ops.target_user_id = "nobody"
    ops.save()
    prove(ops, "no URL")


@proves("schema not allowed")
@pytest.mark.parametrize(
    "url",
    [
        "syslog://",
        "syslog://local7",
        "xml://127.0.0.1/planted",
        "workflows://planted.example/a/b/c",
        "https://planted.example/",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/?template=/etc/planted",
        "json://127.0.0.1/?+X-Planted=yes",
    ],
)
def test_a_records_url_reaches_no_host_of_its_own_choice(
    prove: Prove, own: TargetUserRecord, service: ProviderStandIn, url: str
) -> None:
    own.details = {"url": url}
    own.save()
    prove(own, "schema not allowed" if url != "syslog://" else "record's URL unreadable")
    assert service.requests == []


@proves("record's URL unreadable")
@pytest.mark.parametrize("url", ["planted", 7, "slack://planted", "slack://a\nplanted", ["x"]])
def test_a_url_that_is_none_switches_the_record_off(
    prove: Prove, own: TargetUserRecord, url: Any
) -> None:
    own.details = {"url": url}
    own.save()
    prove(own, "record's URL unreadable")


@proves("settings' URL unreadable")
def test_a_url_of_the_settings_that_is_none_leaves_the_record_on(
    prove: Prove, ops: TargetUserRecord, settings: Any
) -> None:
    configure(settings, urls={"ops": "slack://planted"})
    prove(ops, "settings' URL unreadable")


@proves("several recipients")
def test_of_several_recipients_some_may_have_the_message(
    prove: Prove, own: TargetUserRecord, monkeypatch: pytest.MonkeyPatch, service: ProviderStandIn
) -> None:
    from apprise.plugins.custom_json import NotifyJSON

    monkeypatch.setattr(NotifyJSON, "__len__", lambda self: 2)
    service.on_request = refused(Answer(status=400))
    prove(own, "several recipients")


def test_the_stand_in_takes_a_message(
    make_due: MakeDue, ops: TargetUserRecord, service: ProviderStandIn, settings: Any
) -> None:
    configure(settings, urls={"ops": service.apprise_url("kitchen")})
    make_due(ops, title="Breakfast", body="Two eggs")
    list(Run())
    assert [str(each) for each in service.received] == ["Apprise: kitchen - Breakfast - Two eggs"]


@pytest.mark.parametrize("which", ["ops", "own"])
def test_a_message_arrives(
    request: pytest.FixtureRequest, make_due: MakeDue, service: ProviderStandIn, which: str
) -> None:
    record = request.getfixturevalue(which)
    service.on_request = refused(Answer(status=200))
    notification = make_due(record, title="Breakfast", body="Two eggs & <toast>")
    list(Run())
    notification.refresh_from_db()
    assert (notification.status, notification.response) == (
        "DELIVERED",
        "JSON took the message.",
    )
    [received] = service.requests
    assert "Two eggs & <toast>" in received.body.decode()
    assert url_of(service).split("/")[3] in received.path
