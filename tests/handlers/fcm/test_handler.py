"""Messages to FCM as they travel: texts, extra, access tokens, and the addresses of records."""

import json
import threading
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_notification_system import notify
from django_notification_system.exceptions import InvalidNotification, TargetUnavailable
from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
from django_notification_system.notification_handlers.fcm import access_token, preview
from django_notification_system.notification_handlers.fcm.message import message_of
from django_notification_system.notification_handlers.fcm.sending import deliver
from django_notification_system.outcome import OutcomeKind
from django_notification_system.subscriptions import subscribe
from django_notification_system.testing.providers import Answer, ProviderStandIn, ReceivedRequest
from tests.conftest import MakeDue
from tests.support.fcm_support import SENDS, TOKEN, TOKEN_PATH, configure
from tests.support.provider_support import HOSTS_AND_PREFIXES, Process

LONG_TOKEN = "eggs:" + "planted" * 60


def tokens_asked(fcm: ProviderStandIn) -> int:
    return sum(request.path.endswith(TOKEN_PATH) for request in fcm.requests)


def statuses() -> list[str]:
    return sorted(Notification.objects.values_list("status", flat=True))


@pytest.fixture(autouse=True)
def no_token_is_left() -> None:
    access_token._access_tokens.cache_clear()


def test_a_message_has_title_body_and_what_extra_says(
    fcm: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    extra = {
        "data": {"screen": "menu"},
        "image": "https://www.example.com/eggs.png",
        "ttl": 3600,
        "collapse_key": "menu",
        "priority": "high",
        "android": {"notification": {"channel_id": "breakfast"}, "priority": "NORMAL"},
        "apns": {"payload": {"aps": {"badge": 1}}},
        "webpush": {"headers": {"Urgency": "low"}},
        "of_another": "left out",
    }
    notification = make_due(record, title="Breakfast", body="Eggs ☕", extra=extra)
    assert "FCM took the message." in process()
    [message] = fcm.received
    fields = dict(message.fields)
    expiration = int(fields["apns"]["headers"].pop("apns-expiration"))
    assert abs(expiration - datetime.now(UTC).timestamp() - 3600) < 60
    assert fields == {
        "token": TOKEN,
        "notification": {
            "title": "Breakfast",
            "body": "Eggs ☕",
            "image": "https://www.example.com/eggs.png",
        },
        "data": {"screen": "menu"},
        "android": {
            "ttl": "3600s",
            "collapse_key": "menu",
            "priority": "NORMAL",
            "notification": {"channel_id": "breakfast"},
        },
        "apns": {
            "headers": {"apns-collapse-id": "menu", "apns-priority": "10"},
            "payload": {"aps": {"badge": 1}},
        },
        "webpush": {"headers": {"TTL": "3600", "Urgency": "low"}},
    }
    notification.refresh_from_db()
    assert notification.status == "DELIVERED"
    assert notification.provider_message_id == message.message_id


def test_a_message_without_extra_has_only_texts() -> None:
    assert message_of("Breakfast", "Eggs", {}) == {
        "notification": {"title": "Breakfast", "body": "Eggs"}
    }


@pytest.mark.parametrize(("host", "prefix"), HOSTS_AND_PREFIXES)
def test_base_url_may_be_any_host_with_any_prefix(
    fcm: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    host: str,
    prefix: str,
) -> None:
    configure(settings, base_url=f"http://{host}:{fcm.port}{prefix}")
    make_due(record)
    assert "FCM took the message." in process()


def test_a_subscribed_device_keeps_its_token_in_the_details(
    fcm: ProviderStandIn, process: Process, user: Any, target: NotificationTarget, make_due: MakeDue
) -> None:
    record = subscribe(user, target, LONG_TOKEN, {"token": LONG_TOKEN})
    make_due(record)
    output = process()
    assert [message.to for message in fcm.received] == [LONG_TOKEN]
    assert "planted" not in output


@pytest.mark.parametrize("details", [None, {}, {"token": 7}, {"token": "two words"}])
def test_a_record_without_a_token_fails_and_stays_on(
    fcm: ProviderStandIn,
    process: Process,
    user: Any,
    target: NotificationTarget,
    make_due: MakeDue,
    details: Any,
) -> None:
    record = subscribe(user, target, LONG_TOKEN, details)
    make_due(record)
    assert "no registration token" in process()
    record.refresh_from_db()
    assert (record.active, fcm.requests) == (True, [])


# Access tokens


def test_all_messages_of_all_runs_share_an_access_token(
    fcm: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    for _run in range(2):
        for number in range(20):
            make_due(record, title=f"Message {number}")
        process()
    assert statuses() == ["DELIVERED"] * 40
    assert tokens_asked(fcm) == 1


def test_threads_without_a_token_wait_for_one(fcm: ProviderStandIn, record: Any) -> None:
    barrier = threading.Barrier(8, timeout=10)
    account = access_token.ServiceAccount(info=fcm.service_account(), project_id="any")
    tokens = access_token.access_tokens(account)
    found: set[str] = set()

    def ask() -> None:
        with access_token.requests.Session() as session:
            barrier.wait()
            found.add(tokens.current(session, 5))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), tokens_asked(fcm)) == (1, 1)


def test_a_thread_that_comes_during_a_request_shares_its_failure(fcm: ProviderStandIn) -> None:
    account = access_token.ServiceAccount(info=fcm.service_account(), project_id="any")
    tokens = access_token.AccessTokens(account)
    is_asked, is_awaited = threading.Event(), threading.Event()
    failures: list[access_token.NoAccessToken] = []

    class Lock:
        """The lock of the tokens; tells of a thread that waits."""

        lock = tokens._lock

        def __enter__(self) -> None:
            if not self.lock.acquire(blocking=False):
                is_awaited.set()
                self.lock.acquire()

        def __exit__(self, *error: object) -> None:
            self.lock.release()

    def refuse(request: Any) -> Answer:
        is_asked.set()
        assert is_awaited.wait(10)
        return Answer(status=503, text="")

    def ask() -> None:
        with access_token.requests.Session() as session:
            try:
                tokens.current(session, 20)
            except access_token.NoAccessToken as failure:
                failures.append(failure)

    tokens._lock = Lock()  # type: ignore[assignment]
    fcm.on_request = refuse
    threads = [threading.Thread(target=ask) for _ in range(2)]
    threads[0].start()
    assert is_asked.wait(10)
    threads[1].start()
    for thread in threads:
        thread.join()
    assert (len(failures), tokens_asked(fcm)) == (2, 1)
    ask()
    assert (len(failures), tokens_asked(fcm)) == (3, 2)


def test_a_token_is_replaced_five_minutes_before_its_end(
    fcm: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(record)
    list(deliver([notification]))
    account = access_token.ServiceAccount(info=fcm.service_account(), project_id="any")
    credentials = access_token.access_tokens(account)._credentials
    now = datetime.now(UTC).replace(tzinfo=None)
    credentials.expiry = now + timedelta(minutes=5, seconds=30)
    list(deliver([notification]))
    assert tokens_asked(fcm) == 1
    credentials.expiry = now + timedelta(minutes=4, seconds=30)
    list(deliver([notification]))
    assert tokens_asked(fcm) == 2


def test_a_token_that_fcm_refuses_is_replaced_once_for_all(
    fcm: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(record)
    process()
    fcm.access_tokens.revoke()
    for number in range(10):
        make_due(record, title=f"Message {number}")
    process()
    assert statuses() == ["DELIVERED"] * 11
    assert tokens_asked(fcm) == 2


def test_a_key_that_google_does_not_know_stops_the_target(
    fcm: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    key = {**fcm.service_account(), "client_email": "somebody@else.example"}
    configure(settings, credentials=key)
    make_due(record)
    output = process()
    assert "HTTP 400: invalid_grant. Correct credentials" in output
    assert statuses() == ["SCHEDULED"]


# What could never be sent


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"data": {"number": 7}}, r"extra\['data'\]\['number'\] must be a text.*json.dumps.*int"),
        ({"data": ["menu"]}, "must be an object"),
        ({"data": {"from": "me"}}, "FCM's own"),
        ({"data": {"google.x": "y"}}, "FCM's own"),
        ({"android": "high"}, r"extra\['android'\] must be an object"),
        ({"image": "eggs.png"}, r"extra\['image'\] must be the http or https URL"),
        ({"image": "http://[eggs"}, r"extra\['image'\] must be"),
        ({"ttl": -1}, r"extra\['ttl'\] must be a whole number of seconds"),
        ({"ttl": 2_419_201}, "from 0 to 2419200"),
        ({"ttl": True}, r"extra\['ttl'\]"),
        ({"collapse_key": "k" * 65}, "at most 64 bytes"),
        ({"priority": "urgent"}, "'normal' or 'high'"),
        ({"priority": ["high"]}, "'normal' or 'high'"),
    ],
)
def test_what_fcm_would_refuse_is_refused_at_creation(
    fcm: ProviderStandIn, record: TargetUserRecord, extra: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidNotification, match=said) as raised:
        notify(record.user, "Breakfast", "Eggs", target="FCM", extra=extra)
    assert raised.value.argument == "extra"
    assert not Notification.objects.exists()


def test_4096_bytes_are_taken_and_one_more_is_refused_at_creation(
    fcm: ProviderStandIn, process: Process, record: TargetUserRecord
) -> None:
    room = 4096 - len("title" + "Breakfast" + "body")
    body = "é" * (room // 2) + "e" * (room % 2)
    notify(record.user, "Breakfast", body, target="FCM")
    with pytest.raises(InvalidNotification, match="4097 bytes"):
        notify(record.user, "Breakfast", f"{body}!", target="FCM")
    process()
    assert statuses() == ["DELIVERED"]


def test_a_message_that_nobody_checked_fails_and_leaves_the_record_on(
    fcm: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(record, body="e" * 4097)
    make_due(record, title="Another", extra={"data": {"number": 7}})
    assert "Not sent: The push message has 4" in process()
    record.refresh_from_db()
    assert (record.active, record.hard_bounces, fcm.requests) == (True, 0, [])
    assert statuses() == ["DELIVERY FAILURE"] * 2


# Settings


def test_a_key_may_be_a_file(
    fcm: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    tmp_path: Any,
) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(fcm.service_account()))
    configure(settings, credentials=str(file))
    make_due(record)
    assert "FCM took the message." in process()


def test_settings_without_a_key_stop_the_target(
    fcm: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    configure(settings, credentials="")
    with pytest.raises(TargetUnavailable, match="Generate new private key"):
        list(deliver([make_due(record)]))


# A test, and staging


def run_test(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command(
        "send_test_notification",
        *("--target", "fcm", "--to", TOKEN, *arguments),
        stdout=out,
        stderr=err,
    )
    return out.getvalue(), err.getvalue()


def test_a_test_message_is_sent(fcm: ProviderStandIn, target: NotificationTarget) -> None:
    out, err = run_test()
    assert "FCM took the message." in out
    assert f"Goes to: {fcm.url}, project breakfast-club" in err
    assert [message.to for message in fcm.received] == [TOKEN]


def test_a_dry_run_lets_fcm_check_and_sends_nothing(
    fcm: ProviderStandIn, target: NotificationTarget
) -> None:
    out, _ = run_test("--dry-run")
    assert "FCM would take the message." in out
    assert fcm.received == []
    [request] = [each for each in fcm.requests if each.path.endswith(SENDS)]
    assert request.json()["validate_only"] is True


def test_a_target_without_a_dry_run_says_so_and_sends_nothing(db: None, mail_server: Any) -> None:
    with pytest.raises(CommandError, match="'Email' has no dry run"):
        call_command(
            *("send_test_notification", "--target", "Email", "--to", "a@example.com", "--dry-run")
        )
    assert mail_server.received == []


def test_on_staging_all_messages_go_to_one_device(
    fcm: ProviderStandIn,
    process: Process,
    user: Any,
    target: NotificationTarget,
    make_due: MakeDue,
    settings: Any,
) -> None:
    settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": {"fcm": "staging:device"}}
    record = subscribe(user, target, LONG_TOKEN, {"token": LONG_TOKEN})
    make_due(record)
    process()
    assert [message.to for message in fcm.received] == ["staging:device"]
    record.refresh_from_db()
    assert record.details == {"token": LONG_TOKEN}


def test_the_pace_follows_fcm(
    fcm: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    def answer(request: ReceivedRequest) -> Answer | None:
        return Answer(delay=0.02) if request.path.endswith(SENDS) else None

    fcm.on_request = answer
    notifications = [make_due(record, title=f"Message {number}") for number in range(120)]
    outcomes = list(deliver(notifications))
    assert {outcome.result for outcome in outcomes} == {OutcomeKind.DELIVERED}
    assert 2 < fcm.most_at_once <= 32


def test_the_preview_says_why_a_message_could_not_be_sent(
    record: TargetUserRecord, make_due: MakeDue
) -> None:
    fine = make_due(record, body="Tea")
    refused = make_due(record, body="Tea", extra={"ttl": "soon"})
    shown = [preview(each, may_render=True, with_text=True) for each in (fine, refused)]
    assert [each.text for each in shown] == ["Tea", "Tea"]
    assert shown[0].problem == ""
    assert "extra['ttl']" in shown[1].problem
