"""What is sent, to whom, and with which headers."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from django_notification_system import notify
from django_notification_system.delivery.runs.run import Run
from django_notification_system.exceptions import InvalidNotification, TargetUnavailable
from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
from django_notification_system.notification_handlers.webpush import deliver, sending
from django_notification_system.notification_handlers.webpush.message import (
    LONGEST_PLAINTEXT,
    payload_of,
)
from django_notification_system.notification_handlers.webpush.vapid import (
    make_private_key,
    public_key_of,
    vapid_headers,
)
from django_notification_system.subscriptions import subscribe
from django_notification_system.testing.providers import Answer, ProviderStandIn
from django_notification_system.testing.push_service import Browser, PushServiceStandIn
from tests.conftest import MakeDue
from tests.support.certificates import server_context
from tests.support.provider_support import Process, refused
from tests.support.webpush_support import (
    PRIVATE_KEY,
    SUBJECT,
    configure,
    go_to_port,
    record_of,
    speak_tls,
)

EXTRA = {
    "url": "/orders/17/",
    "icon": "https://static.example.com/egg.png",
    "badge": "/badge.png",
    "image": "/breakfast.jpg",
    "tag": "order-17",
    "actions": [{"action": "track", "title": "Verfolgen", "url": "/track/17/"}],
    "ttl": 600,
    "urgency": "high",
    "topic": "order-17",
    "of_the_project": "stays here",
}


def test_a_browser_gets_nothing_of_a_message_that_the_push_service_had_no_room_for(
    push_service: PushServiceStandIn,
    record: TargetUserRecord,
    browser_of_egg: Browser,
    make_due: MakeDue,
) -> None:
    push_service.limit_messages(0, 3600)
    list(deliver([make_due(record)]))
    assert len(push_service.requests) == 1
    assert (browser_of_egg.messages, push_service.received) == ([], [])


def test_the_browser_reads_title_body_and_the_shown_keys(
    push_service: PushServiceStandIn,
    process: Process,
    record: TargetUserRecord,
    browser_of_egg: Browser,
    make_due: MakeDue,
) -> None:
    notification = make_due(record, title="Grüße 🥚", body="早餐好了.\n\u2028", extra=EXTRA)

    process()

    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED
    shown = ("url", "icon", "badge", "image", "tag", "actions")
    assert browser_of_egg.messages == [
        {"title": "Grüße 🥚", "body": notification.body, **{name: EXTRA[name] for name in shown}}
    ]
    [request] = push_service.requests
    assert request.headers["ttl"] == "600"
    assert request.headers["urgency"] == "high"
    assert request.headers["topic"] == "order-17"
    assert request.headers["content-encoding"] == "aes128gcm"
    assert b"Gr" not in request.body


def test_without_extra_the_settings_count(
    push_service: PushServiceStandIn, record: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    configure(settings, ttl=77, urgency="low")
    list(deliver([make_due(record)]))
    [request] = push_service.requests
    assert (request.headers["ttl"], request.headers["urgency"]) == ("77", "low")
    assert "topic" not in request.headers


def test_a_message_does_not_outlive_its_notification(
    push_service: PushServiceStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    soon = timezone.now() + timedelta(minutes=5)
    list(deliver([make_due(record, expires_at=soon)]))
    assert 290 <= int(push_service.requests[0].headers["ttl"]) <= 300


def test_one_header_serves_a_push_service_for_an_hour(
    push_service: PushServiceStandIn,
    user: Any,
    target: NotificationTarget,
    make_due: MakeDue,
    settings: Any,
) -> None:
    configure(settings, vapid_private_key=make_private_key())
    browsers = [push_service.subscribe() for _ in range(3)]
    browsers.append(push_service.subscribe(host="fcm.googleapis.com"))
    list(deliver([make_due(record_of(user, target, each)) for each in browsers]))
    headers = {request.headers["authorization"] for request in push_service.requests}
    assert len(push_service.received) == 4
    assert len(headers) == 2


def test_a_header_is_made_anew_after_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(
        "django_notification_system.notification_handlers.webpush.vapid.time.monotonic",
        lambda: now,
    )
    headers = vapid_headers(make_private_key(), SUBJECT)
    first = headers.header_for("https://fcm.googleapis.com")
    now += 3599
    assert headers.header_for("https://fcm.googleapis.com") == first
    now += 2
    assert headers.header_for("https://fcm.googleapis.com") != first


def test_the_push_service_knows_the_site_by_its_key(
    push_service: PushServiceStandIn, record: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    push_service.public_key = public_key_of(PRIVATE_KEY)
    [outcome] = deliver([make_due(record)])
    assert outcome.response == "The push service has taken the message."
    configure(settings, vapid_private_key=make_private_key())
    [outcome] = deliver([make_due(record)])
    assert "another key" in outcome.response
    assert not outcome.deactivate_record


def test_push_services_are_reached_by_https(
    push_service: PushServiceStandIn,
    record: TargetUserRecord,
    browser_of_egg: Browser,
    make_due: MakeDue,
    settings: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context, certificate = server_context(tmp_path, "updates.push.services.mozilla.com")
    speak_tls(push_service, context)
    go_to_port(monkeypatch, push_service.port)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate)
    configure(settings, stand_in_url="")

    [outcome] = deliver([make_due(record, body="By TLS")])

    assert outcome.response == "The push service has taken the message."
    assert [message["body"] for message in browser_of_egg.messages] == ["By TLS"]
    assert push_service.requests[0].headers["host"] == "updates.push.services.mozilla.com"


def test_a_netrc_file_does_not_replace_the_credentials(
    push_service: PushServiceStandIn,
    record: TargetUserRecord,
    make_due: MakeDue,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    list(deliver([make_due(record)]))
    assert push_service.requests[0].headers["authorization"].startswith("vapid t=")


# --- The length of a message ------------------------------------------------------------------


def body_of(size: int) -> str:
    """Return a body whose message has a number of bytes as JSON."""
    return "é" * ((size - len(payload_of("Long", "", {}))) // 2)


def test_the_longest_message_has_4096_bytes_encrypted(
    push_service: PushServiceStandIn,
    record: TargetUserRecord,
    browser_of_egg: Browser,
    make_due: MakeDue,
) -> None:
    body = body_of(LONGEST_PLAINTEXT - 1) + "e" * (1 - len(payload_of("Long", "", {})) % 2)
    body += "e" * (LONGEST_PLAINTEXT - len(payload_of("Long", body, {})))
    [outcome] = deliver([make_due(record, title="Long", body=body)])
    assert outcome.response == "The push service has taken the message."
    assert len(push_service.requests[0].body) == 4096
    assert browser_of_egg.messages[0]["body"] == body


def test_a_longer_message_is_refused_at_creation(
    push_service: PushServiceStandIn, record: TargetUserRecord
) -> None:
    with pytest.raises(InvalidNotification, match="at most 3993") as raised:
        notify(record.user, title="Long", body="e" * 3993, target="Web Push")
    assert raised.value.argument == "body"
    assert not Notification.objects.exists()


def test_a_message_that_became_too_long_fails_and_leaves_the_record_on(
    push_service: PushServiceStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(record, title="Long", body="e" * 3994)
    process()
    notification.refresh_from_db()
    record.refresh_from_db()
    assert notification.status == Notification.DELIVERY_FAILURE
    assert "at most 3993" in notification.response
    assert record.active
    assert push_service.requests == []


def test_4097_bytes_that_a_push_service_refuses_leave_the_record_on(
    push_service: PushServiceStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "django_notification_system.notification_handlers.webpush.sending.LONGEST_PLAINTEXT", 3994
    )
    size = 3994 - len(payload_of("Long", "", {}))
    notification = make_due(record, title="Long", body="e" * size)
    process()
    notification.refresh_from_db()
    record.refresh_from_db()
    assert len(push_service.requests[0].body) == 4097
    assert notification.status == Notification.DELIVERY_FAILURE
    assert "HTTP 413" in notification.response
    assert record.active


# --- extra ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"url": "//evil.test/"}, "extra['url'] must be a path"),
        ({"url": "/\\evil.test/"}, "extra['url']"),
        ({"url": "http://example.com/"}, "extra['url']"),
        ({"url": "javascript:alert(1)"}, "extra['url']"),
        ({"url": "https://"}, "extra['url']"),
        ({"url": "https://user@evil.test/"}, "extra['url']"),
        ({"url": "orders/17/"}, "extra['url']"),
        ({"url": "/a b"}, "extra['url']"),
        ({"url": ""}, "extra['url']"),
        ({"url": 17}, "extra['url']"),
        ({"icon": "data:image/png;base64,AA=="}, "extra['icon']"),
        ({"badge": 3}, "extra['badge']"),
        ({"image": "http://example.com/a.png"}, "extra['image']"),
        ({"tag": ""}, "extra['tag'] must be a text"),
        ({"actions": "open"}, "extra['actions'] must be a list"),
        ({"actions": ["open"]}, "extra['actions'][0] must be an object"),
        ({"actions": [{"action": "open"}]}, "extra['actions'][0]['title'] must be a text"),
        (
            {"actions": [{"action": "a", "title": "A"}, {"action": "b", "title": "B", "url": "x"}]},
            "extra['actions'][1]['url']",
        ),
        ({"actions": [{"action": "a", "title": "A", "link": "/"}]}, "has no key 'link'"),
        ({"ttl": -1}, "extra['ttl'] must be a whole number of seconds"),
        ({"ttl": True}, "extra['ttl']"),
        ({"ttl": "60"}, "extra['ttl']"),
        ({"ttl": 2_419_201}, "extra['ttl']"),
        ({"urgency": "urgent"}, "extra['urgency'] must be one of very-low, low, normal, high"),
        ({"topic": "a" * 33}, "extra['topic'] must have 1 to 32"),
        ({"topic": "a b"}, "extra['topic']"),
        ({"topic": "é"}, "extra['topic']"),
        ({"topic": "a\n"}, "extra['topic']"),
    ],
)
def test_wrong_extra_is_refused_at_creation_and_never_sent(
    push_service: PushServiceStandIn,
    record: TargetUserRecord,
    make_due: MakeDue,
    extra: dict[str, Any],
    said: str,
) -> None:
    with pytest.raises(InvalidNotification) as raised:
        notify(record.user, title="Odd", body="Odd", extra=extra, target="Web Push")
    assert said in str(raised.value)
    assert raised.value.argument == "extra"
    [outcome] = deliver([make_due(record, extra=extra)])
    assert said in outcome.response
    assert not outcome.deactivate_record
    assert push_service.requests == []


def test_right_extra_is_taken_at_creation(
    push_service: PushServiceStandIn, record: TargetUserRecord
) -> None:
    notify(record.user, title="Right", body="Right", extra=EXTRA, target="Web Push")
    notify(record.user, title="None", body="", extra={"url": None}, target="Web Push")
    assert [outcome.result.value for outcome in deliver(Notification.objects.all())] == [
        "delivered",
        "delivered",
    ]


# --- The record -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda details: {},
        lambda details: None,
        lambda details: ["odd"],
        lambda details: {**details, "endpoint": "http://127.0.0.1:22/"},
        lambda details: {**details, "endpoint": "https://169.254.169.254/"},
        lambda details: {**details, "endpoint": "https://fcm.googleapis.com:8443/"},
        lambda details: {**details, "keys": {**details["keys"], "auth": "AAAA"}},
        lambda details: {**details, "keys": {**details["keys"], "p256dh": "AAAA"}},
    ],
)
def test_a_record_that_is_no_subscription_is_never_called(
    push_service: PushServiceStandIn,
    record: TargetUserRecord,
    make_due: MakeDue,
    change: Callable[[Any], Any],
) -> None:
    record.details = change(json.loads(json.dumps(record.details)))
    [outcome] = deliver([make_due(record)])
    assert outcome.response.startswith("Not sent: ")
    assert outcome.response.endswith(("must subscribe again.", "if it is a push service's."))
    assert push_service.requests == []


def test_a_host_that_the_settings_lost_is_not_called_any_more(
    push_service: PushServiceStandIn, record: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    configure(settings, push_services=["fcm.googleapis.com"])
    [outcome] = deliver([make_due(record)])
    assert "host is not among push_services. Add the host to push_services" in outcome.response
    assert push_service.requests == []


def test_hosts_that_were_taken_out_by_mistake_cost_no_message(
    push_service: PushServiceStandIn,
    user: Any,
    target: NotificationTarget,
    make_due: MakeDue,
    settings: Any,
) -> None:
    configure(settings, push_services=["push.example.com"])
    for _ in range(20):
        make_due(record_of(user, target, push_service.subscribe()))
    run = Run()
    list(run)
    assert "Correct push_services" in run.problems["Web Push"]
    assert set(Notification.objects.values_list("status", flat=True)) <= {"SCHEDULED", "RETRY"}
    assert push_service.requests == []


def test_the_stand_in_of_all_providers_takes_what_it_cannot_read(
    record: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    with ProviderStandIn() as providers:
        configure(settings, stand_in_url=providers.url)
        [outcome] = deliver([make_due(record)])
    assert outcome.response == "The push service has taken the message."
    [message] = providers.received
    assert re.fullmatch(
        r"Webpush: updates.push.services.mozilla.com - \d+ bytes, encrypted for the browser",
        str(message),
    )


def test_a_redirect_is_not_followed(
    push_service: PushServiceStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    with PushServiceStandIn() as inside:
        push_service.on_request = refused(
            Answer(status=307, text="", headers={"Location": f"{inside.url}/secret"})
        )
        list(deliver([make_due(record)]))
        assert inside.requests == []
        assert inside.connections == 0


# --- Settings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"vapid_private_key": ""}, "Set vapid_private_key"),
        ({"vapid_private_key": "planted-key"}, "vapid_private_key"),
        ({"subject": ""}, "Set subject"),
        ({"subject": "kitchen@example.com"}, "subject"),
        ({"ttl": -1}, "ttl"),
        ({"push_services": "fcm.googleapis.com"}, "push_services"),
    ],
)
def test_wrong_settings_stop_the_target(
    push_service: PushServiceStandIn,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    changes: dict[str, Any],
    said: str,
) -> None:
    configure(settings, **changes)
    with pytest.raises(TargetUnavailable) as raised:
        list(deliver([make_due(record)]))
    assert said in str(raised.value)
    assert "planted" not in str(raised.value)
    if "vapid_private_key" in changes:
        assert "manage.py make_vapid_keys" in str(raised.value)


def test_a_browser_that_another_user_has_now_gets_no_more_of_the_first_users(
    push_service: PushServiceStandIn,
    record: TargetUserRecord,
    browser_of_egg: Browser,
    make_due: MakeDue,
    settings: Any,
    django_user_model: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configure(settings, connections=1)
    for number in range(160):
        make_due(record, title=f"Number {number}")
    ham = django_user_model.objects.create_user("ham")
    prepare, prepared = sending._prepare, []

    def prepare_and_move(*arguments: Any) -> Any:
        prepared.append(arguments)
        if len(prepared) == 10:  # in the midst of the first fifty
            subscribe(ham, record.target, browser_of_egg.endpoint, browser_of_egg.details)
        return prepare(*arguments)

    monkeypatch.setattr(sending, "_prepare", prepare_and_move)
    list(Run())
    sent = Notification.objects.filter(status="DELIVERED").count()
    assert 1 <= sent == len(push_service.received) <= 100
    assert Notification.objects.filter(status="INACTIVE DEVICE").count() == 160 - sent
