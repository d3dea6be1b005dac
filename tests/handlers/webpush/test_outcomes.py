"""Each row of the table of push services' faults, on a real socket."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
from django_notification_system.notification_handlers.webpush import deliver
from django_notification_system.notification_handlers.webpush.faults import FAULTS
from django_notification_system.notification_handlers.webpush.vapid import (
    make_private_key,
    public_key_of,
)
from django_notification_system.outcome import OutcomeKind
from django_notification_system.testing.providers import Answer
from django_notification_system.testing.push_service import Browser, PushServiceStandIn
from tests.conftest import MakeDue
from tests.support.busy_records import check_short_wait
from tests.support.certificates import server_context
from tests.support.provider_support import PATIENCE_SECONDS, refused, time_limit
from tests.support.rows import Proofs, prove_row
from tests.support.runs import wait_until
from tests.support.webpush_support import configure, go_to_port, record_of, speak_tls

proves = Proofs(FAULTS)

Prove = Callable[..., None]


def test_each_row_is_proved_by_a_test_that_names_it() -> None:
    proves.check()


@pytest.fixture
def prove(
    push_service: PushServiceStandIn,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> Prove:
    """A function that sends a message, and checks which row has counted and what came of it."""

    def prove(name: str, timeout: float = PATIENCE_SECONDS) -> None:
        configure(settings, when_unknown="fail", timeout=timeout)
        notification = make_due(record, body="planted-body")
        prove_row(proves.row(name), "Web Push", notification, caplog, secrets=["planted-body"])

    return prove


def mozilla(status: int, errno: int) -> Answer:
    return Answer(status=status, json={"code": status, "errno": errno, "error": "No"})


#: The row, and what the push service answers.
ANSWERS: list[tuple[str, Answer]] = [
    ("subscription gone", mozilla(410, 106)),
    ("subscription gone", mozilla(404, 102)),
    ("credentials refused", mozilla(401, 109)),
    ("credentials refused", Answer(status=403, json={"reason": "BadJwtToken"})),
    (
        "credentials refused",
        Answer(
            status=403,
            text="the VAPID credentials in the authorization header do not correspond to the"
            " credentials used to create the subscriptions.\n",
        ),
    ),
    (
        "credentials named in a bad request",
        Answer(status=400, text="<TITLE>UnauthorizedRegistration</TITLE>"),
    ),
    (
        "credentials named in a bad request",
        Answer(status=400, json={"reason": "VapidPkHashMismatch"}),
    ),
    ("message too large", mozilla(413, 104)),
    ("too many messages", Answer(status=429, text="slow down")),
    ("request not in time", Answer(status=408, text="late")),
    ("message refused", mozilla(400, 111)),
    ("message refused", Answer(status=406, text="another host than Windows's")),
    ("message refused", Answer(status=415, text="")),
    ("redirect", Answer(status=301, text="", headers={"Location": "http://127.0.0.1:22/"})),
    ("redirect", Answer(status=307, text="", headers={"Location": "/elsewhere"})),
    ("redirect", Answer(status=304, text="")),
    ("no answer behind the gateway", Answer(status=502, text="<html>Bad Gateway</html>")),
    ("no answer behind the gateway", Answer(status=504, text="<html>Gateway Timeout</html>")),
    ("push service down", mozilla(500, 999)),
    ("push service down", Answer(status=503, text="<html>Service Unavailable</html>")),
    ("no answer", Answer(close=True)),
    ("no answer", Answer(delay=10)),
    ("no answer", Answer(status=204, text="")),
]


@proves(*(row for row, _ in ANSWERS))
@pytest.mark.parametrize(("row", "answer"), ANSWERS)
def test_what_a_push_service_answers(
    prove: Prove, push_service: PushServiceStandIn, row: str, answer: Answer
) -> None:
    push_service.on_request = refused(answer)
    prove(row, timeout=time_limit(answer))
    wait_until(lambda: len(push_service.requests) == 1)


@proves("throttled by Windows")
def test_windows_says_406_for_too_much(
    prove: Prove, push_service: PushServiceStandIn, record: TargetUserRecord
) -> None:
    edge = push_service.subscribe(406, host="db5p.notify.windows.com")
    record.target_user_id, record.details = edge.address, edge.details
    record.save()
    prove("throttled by Windows")


@proves("no connection")
def test_no_connection(prove: Prove, push_service: PushServiceStandIn) -> None:
    push_service.stop()
    prove("no connection")


@proves("no request")
def test_an_address_that_makes_no_request(prove: Prove, settings: Any) -> None:
    configure(settings, stand_in_url="http://a..b")
    prove("no request")


@proves("not the push service's certificate")
def test_a_certificate_that_is_not_trusted(
    prove: Prove,
    push_service: PushServiceStandIn,
    settings: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context, _ = server_context(tmp_path, "updates.push.services.mozilla.com")
    speak_tls(push_service, context)
    go_to_port(monkeypatch, push_service.port)
    configure(settings, stand_in_url="")
    prove("not the push service's certificate")


def test_a_second_that_the_push_service_asks_for_is_a_second(
    push_service: PushServiceStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    answer = Answer(status=429, text="slow down", headers={"Retry-After": "1"})
    check_short_wait(push_service, make_due(record), refused(answer))


@pytest.mark.parametrize("status", [406, 429, 503])
def test_a_time_that_the_push_service_names_is_kept_to(
    push_service: PushServiceStandIn, user: Any, target: Any, make_due: MakeDue, status: int
) -> None:
    edge = push_service.subscribe(host="db5p.notify.windows.com")
    push_service.on_request = refused(
        Answer(status=status, text="later", headers={"Retry-After": "7200"})
    )
    [outcome] = deliver([make_due(record_of(user, target, edge))])
    assert outcome.not_before is not None
    assert outcome.not_before - timezone.now() > timedelta(minutes=119)


def test_what_the_message_is_called(
    push_service: PushServiceStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    [outcome] = deliver([make_due(record)])
    assert outcome.provider_message_id == push_service.received[0].message_id


def test_a_location_that_is_the_endpoint_is_not_kept(
    push_service: PushServiceStandIn,
    record: TargetUserRecord,
    browser_of_egg: Browser,
    make_due: MakeDue,
) -> None:
    push_service.on_request = refused(
        Answer(status=201, text="", headers={"Location": browser_of_egg.endpoint})
    )
    [outcome] = deliver([make_due(record)])
    assert outcome.provider_message_id == ""


def test_a_location_that_is_no_address_leaves_the_message_delivered(
    push_service: PushServiceStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    push_service.on_request = refused(
        Answer(status=201, text="", headers={"Location": "https://[::1/m/1"})
    )
    [outcome] = deliver([make_due(record)])
    assert (outcome.result, outcome.provider_message_id) == (OutcomeKind.DELIVERED, "")


def test_another_key_for_all_browsers_stops_the_target(
    push_service: PushServiceStandIn,
    user: Any,
    target: NotificationTarget,
    make_due: MakeDue,
    settings: Any,
) -> None:
    push_service.public_key = public_key_of(make_private_key())
    for _ in range(25):
        make_due(record_of(user, target, push_service.subscribe()))
    run = Run()
    list(run)
    assert "vapid_private_key" in run.problems["Web Push"]
    assert set(Notification.objects.values_list("status", flat=True)) <= {"SCHEDULED", "RETRY"}
    assert not TargetUserRecord.objects.filter(target=target, active=False).exists()
    assert 20 <= len(push_service.requests) <= 25


def test_browsers_that_are_all_gone_or_refused_stay_on(
    push_service: PushServiceStandIn, user: Any, target: NotificationTarget, make_due: MakeDue
) -> None:
    for answer in [410, 404, 403, 401, 410] * 5:
        make_due(record_of(user, target, push_service.subscribe(answer)))
    run = Run()
    list(run)
    assert "no proxy answers in place of the push services" in run.problems["Web Push"]
    assert set(Notification.objects.values_list("status", flat=True)) <= {"SCHEDULED", "RETRY"}
    assert not TargetUserRecord.objects.filter(target=target, active=False).exists()


def test_another_key_for_some_browsers_fails_their_messages_alone(
    push_service: PushServiceStandIn, user: Any, target: NotificationTarget, make_due: MakeDue
) -> None:
    for answer in [401, 403, None, 403]:
        make_due(record_of(user, target, push_service.subscribe(answer)))
    run = Run()
    list(run)
    assert run.problems == {}
    statuses = sorted(Notification.objects.values_list("status", flat=True))
    assert statuses == ["DELIVERED", *["DELIVERY FAILURE"] * 3]
    assert not TargetUserRecord.objects.filter(target=target, active=False).exists()
