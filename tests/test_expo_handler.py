"""Push notifications through Expo's API, on a real socket."""

import builtins
import importlib
import logging
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.utils import timezone
from exponent_server_sdk import DeviceNotRegisteredError, PushServerError, PushTicket

from django_notification_system.delivery.run import Run
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.notification_handlers.expo import send_notification
from django_notification_system.testing.providers import (
    Answer,
    ProviderStandIn,
    ReceivedRequest,
)
from tests.conftest import MakeDue

Process = Callable[..., str]
PATH = "/--/api/v2/push/send"


@pytest.fixture
def record(records: dict[str, TargetUserRecord]) -> TargetUserRecord:
    return records["Expo"]


def configure(settings: Any, **changes: Any) -> None:
    targets = settings.NOTIFICATION_SYSTEM_TARGETS
    settings.NOTIFICATION_SYSTEM_TARGETS = {**targets, "expo": {**targets["expo"], **changes}}


def refused(answer: Answer) -> Callable[[ReceivedRequest], Answer]:
    """An ``on_request`` that refuses everything."""
    return lambda request: answer


def errors(status: int, code: str, message: str = "No.", **more: Any) -> Answer:
    return Answer(status=status, json={"errors": [{"code": code, "message": message, **more}]})


def ticket(error: str, message: str = "No.") -> Answer:
    details = {"error": error}
    return Answer(
        status=200, json={"data": [{"status": "error", "message": message, "details": details}]}
    )


def statuses() -> dict[str, int]:
    found = list(Notification.objects.values_list("status", flat=True))
    return {status: found.count(status) for status in found}


def make_many(make_due: MakeDue, record: TargetUserRecord, count: int, **fields: Any) -> None:
    for number in range(count):
        make_due(record, title=f"Message {number}", **fields)


def test_a_due_notification_becomes_one_message_with_expos_fields(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(
        record,
        title="Breakfast",
        body="Eggs & 5 €",
        extra={
            "data": {"order": 7},
            "sound": "default",
            "ttl": 60,
            "expiration": 2000000000,
            "priority": "high",
            "badge": 0,
            "channel_id": "kitchen",
            "subtitle": "Sunday",
            "category": "meals",
            "mutable_content": False,
            "to": "ExponentPushToken[another]",
            "anything": "else",
        },
    )

    output = process()

    assert "Notification Successfully Pushed!\n" in output
    [request] = providers.requests
    assert request.path == PATH
    assert request.headers["content-type"] == "application/json"
    assert "authorization" not in request.headers
    assert request.json() == [
        {
            "to": "ExponentPushToken[eggs-benedict]",
            "title": "Breakfast",
            "body": "Eggs & 5 €",
            "data": {"order": 7},
            "sound": "default",
            "ttl": 60,
            "expiration": 2000000000,
            "priority": "high",
            "badge": 0,
            "channelId": "kitchen",
            "subtitle": "Sunday",
            "categoryId": "meals",
            "mutableContent": False,
        }
    ]
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED
    assert notification.attempted_delivery is not None
    assert notification.response == "Notification Successfully Pushed!"
    assert notification.provider_message_id == providers.received[0].message_id


def test_the_category_has_expos_own_name_too(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(record, extra={"category_id": "meals"})

    process()

    assert providers.received[0].fields["categoryId"] == "meals"


def test_both_kinds_of_token_go_out(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    record.target_user_id = "ExpoPushToken[eggs]"
    record.save()
    make_due(record)

    assert "Notification Successfully Pushed!" in process()

    assert providers.received[0].to == "ExpoPushToken[eggs]"


@pytest.mark.parametrize(
    "token", ["", "eggs", "ExponentPushToken[]", "ExponentPushToken[a", "xExpoPushToken[a]", "[a]"]
)
def test_a_malformed_token_enters_no_request_and_deactivates_its_record(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    token: str,
) -> None:
    good = make_due(record)
    bad = make_due(
        TargetUserRecord.objects.create(
            user=record.user, target=record.target, target_user_id=token, description="Old"
        )
    )

    assert "no Expo push token" in process()

    assert [message.to for message in providers.received] == [record.target_user_id]
    bad.refresh_from_db()
    good.refresh_from_db()
    assert bad.status == Notification.INACTIVE_DEVICE
    assert bad.target_user_record.active is False
    assert good.status == Notification.DELIVERED


@pytest.mark.parametrize("extra", [None, [], ["a"], "text", 3])
def test_extra_of_old_rows_that_is_no_object_stops_nothing(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    extra: Any,
) -> None:
    make_due(record, extra=extra)

    assert "Notification Successfully Pushed!" in process()


def test_a_hundred_messages_share_a_request(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    make_many(make_due, record, 230)

    process()

    assert statuses() == {"DELIVERED": 230}
    assert sorted(len(request.json()) for request in providers.requests) == [30, 100, 100]
    sent = {message.title: message.message_id for message in providers.received}
    assert dict(Notification.objects.values_list("title", "provider_message_id")) == sent


def test_as_many_requests_run_at_once_as_the_settings_allow(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    configure(settings, connections=2)
    together = threading.Barrier(2)

    def wait_for_the_others(request: ReceivedRequest) -> None:
        together.wait(timeout=10)

    providers.on_request = wait_for_the_others
    make_many(make_due, record, 400)

    process()

    assert statuses() == {"DELIVERED": 400}
    assert providers.most_at_once == 2
    assert providers.connections == 2


def test_one_message_of_a_hundred_that_expo_refuses_does_not_hold_up_the_others(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    # Release 1.5.3 let texts through where Expo wants numbers, and so the whole request is refused.
    poison = make_due(record, title="Poison", extra={"badge": "3"})
    make_many(make_due, record, 99)

    process()

    assert statuses() == {"DELIVERED": 99, "DELIVERY FAILURE": 1}
    poison.refresh_from_db()
    assert poison.status == Notification.DELIVERY_FAILURE
    assert poison.response == (
        'PushServerError: HTTP 400, VALIDATION_ERROR: "[0].badge" must be a number'
    )
    assert len(providers.requests) <= 15  # the whole, and two halves at each of seven steps


def test_a_request_that_is_too_large_is_split(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    def refuse_large(request: ReceivedRequest) -> Answer | None:
        too_large = len(request.json()) > 10
        return Answer(status=413, text="<html>Too Large</html>") if too_large else None

    providers.on_request = refuse_large
    make_many(make_due, record, 40)

    process()

    assert statuses() == {"DELIVERED": 40}


def test_a_half_that_gets_no_answer_is_not_taken_for_refused(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    providers.answers.extend(
        [errors(400, "VALIDATION_ERROR"), Answer(close=True), Answer(close=True)]
    )
    make_many(make_due, record, 2)

    process()

    assert statuses() == {"RETRY": 2}


def test_messages_of_two_expo_projects_are_sent_apart(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    other = TargetUserRecord.objects.create(
        user=record.user,
        target=record.target,
        target_user_id="ExponentPushToken[other]",
        description="Another app",
    )

    def refuse_mixed(request: ReceivedRequest) -> Answer | None:
        tokens = {message["to"] for message in request.json()}
        if len(tokens) == 1:
            return None
        details = {"@eggs/one": [record.target_user_id], "@eggs/two": [other.target_user_id]}
        return errors(400, "PUSH_TOO_MANY_EXPERIENCE_IDS", "Mixed.", details=details)

    providers.on_request = refuse_mixed
    for number in range(8):
        make_due(record, title=f"Message {number}")
        make_due(other, title=f"Message {number}")

    process()

    assert statuses() == {"DELIVERED": 16}
    assert len(providers.requests) == 3


def test_a_device_that_is_not_registered_ends_as_inactive_in_the_same_run(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    record.target_user_id = "ExponentPushToken[DeviceNotRegistered]"
    record.save()
    notification = make_due(record)

    assert "DeviceNotRegisteredError: " in process()

    notification.refresh_from_db()
    record.refresh_from_db()
    assert notification.status == Notification.INACTIVE_DEVICE
    assert notification.attempted_delivery is not None
    assert record.active is False


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        ("MessageTooBig", Notification.DELIVERY_FAILURE, "MessageTooBigError: "),
        ("MessageRateExceeded", Notification.RETRY, "MessageRateExceededError: "),
        ("MismatchSenderId", Notification.DELIVERY_FAILURE, "configuration error"),
        ("InvalidCredentials", Notification.DELIVERY_FAILURE, "configuration error"),
        ("SomethingNew", Notification.RETRY, "PushTicketError: "),
    ],
)
def test_each_error_of_a_ticket_has_its_outcome(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    error: str,
    status: str,
    said: str,
) -> None:
    providers.on_request = refused(ticket(error))
    notification = make_due(record)

    assert said in process()

    notification.refresh_from_db()
    record.refresh_from_db()
    assert notification.status == status
    assert record.active is True


def test_one_refused_ticket_leaves_its_neighbours_alone(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    gone = TargetUserRecord.objects.create(
        user=record.user,
        target=record.target,
        target_user_id="ExponentPushToken[DeviceNotRegistered]",
        description="Old phone",
    )
    make_many(make_due, record, 5)
    make_due(gone)
    make_many(make_due, record, 5, body="More")

    process()

    assert statuses() == {"DELIVERED": 10, "INACTIVE DEVICE": 1}


@pytest.mark.parametrize(
    "answer",
    [
        errors(401, "UNAUTHORIZED", "The bearer token is not valid."),
        errors(400, "UNAUTHORIZED", "Access is denied."),
        Answer(status=403, text="<html>Forbidden</html>"),
        Answer(status=404, text="<html>Not Found</html>"),
        Answer(status=302, text="", headers={"Location": "/elsewhere"}),
    ],
)
def test_refused_credentials_stop_the_target_and_cost_no_attempt(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    answer: Answer,
) -> None:
    configure(settings, connections=1)
    providers.on_request = refused(answer)
    make_many(make_due, record, 150)

    assert "Correct the credentials and base_url" in process()

    assert len(providers.requests) == 1
    assert statuses() == {"SCHEDULED": 150}
    assert not Notification.objects.exclude(retry_attempts=0).exists()


@pytest.mark.parametrize(
    "answer",
    [
        errors(429, "TOO_MANY_REQUESTS", "Slow down."),
        errors(400, "TOO_MANY_REQUESTS", "Slow down."),
        Answer(status=429, text="slow down"),
        errors(500, "INTERNAL_SERVER_ERROR", "Oh."),
        Answer(status=503, text="<html>Service Unavailable</html>"),
    ],
)
def test_a_passing_fault_is_retried_for_all_messages_of_the_request(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    answer: Answer,
) -> None:
    providers.on_request = refused(answer)
    make_many(make_due, record, 5)

    process()

    assert len(providers.requests) == 1
    assert statuses() == {"RETRY": 5}


def test_no_retry_comes_before_the_time_that_expo_names(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    providers.on_request = refused(
        Answer(status=429, text="slow down", headers={"Retry-After": "7200"})
    )
    notification = make_due(record, retry_time_interval=0)

    process()

    notification.refresh_from_db()
    wait = notification.scheduled_delivery - timezone.now()
    assert timedelta(minutes=118) < wait <= timedelta(hours=2)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(close=True),
        Answer(delay=10),
        Answer(status=504, text="<html>Gateway Timeout</html>"),
        Answer(status=200, text="<html>Welcome to the hotel's network</html>"),
        Answer(status=200, json={"data": []}),
        Answer(status=200, json={"data": [{"status": "ok", "id": "1"}]}),
        Answer(status=200, json={"data": {"status": "ok"}}),
        Answer(status=200, json={"data": ["ok", "ok", "ok"]}),
        Answer(status=200, json={"data": None}),
        Answer(status=200, json={"hello": 1}),
        Answer(status=200, json=["odd"]),
        Answer(status=200, json=None),
        Answer(status=200, json={"errors": []}),
        Answer(
            status=200,
            json={"data": [{"status": "error", "details": "odd", "message": 5}] * 3},
        ),
    ],
)
@pytest.mark.parametrize(
    ("when_unknown", "status"),
    [("retry", Notification.RETRY), ("fail", Notification.DELIVERY_FAILURE)],
)
def test_a_request_without_an_answer_is_unknown_and_the_project_decides(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    answer: Answer,
    when_unknown: str,
    status: str,
) -> None:
    configure(settings, timeout=0.3, when_unknown=when_unknown)
    providers.on_request = refused(answer)
    make_many(make_due, record, 3)

    assert "the message went out, or it did not" in process()

    assert len(providers.requests) == 1
    assert statuses() == {status: 3}


def test_a_connection_that_is_never_made_is_retried_even_where_unknown_would_fail(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    configure(settings, when_unknown="fail")
    providers.stop()
    make_many(make_due, record, 3)

    assert "Connection refused" in process()

    assert statuses() == {"RETRY": 3}


def test_the_access_token_goes_along_whatever_a_netrc_file_says(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    configure(settings, access_token="planted-access-token")
    make_due(record)

    process()

    [request] = providers.requests
    assert request.headers["authorization"] == "Bearer planted-access-token"


@pytest.mark.parametrize(
    ("host", "prefix"),
    [
        ("127.0.0.1", ""),
        ("127.0.0.1", "/"),
        ("localhost", ""),
        ("127.0.0.1", "/proxy/expo"),
        ("127.0.0.1", "/proxy/expo/"),
    ],
)
def test_base_url_may_be_any_host_with_any_prefix(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    host: str,
    prefix: str,
) -> None:
    configure(settings, base_url=f"http://{host}:{providers.port}{prefix}")
    make_due(record)

    assert "Notification Successfully Pushed!" in process()

    assert providers.requests[0].path == prefix.rstrip("/") + PATH


def test_base_url_may_be_an_ipv6_address(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    try:
        stand_in = ProviderStandIn(host="::1")
        stand_in.start()
    except OSError:
        pytest.skip("this machine has no IPv6")
    try:
        configure(settings, base_url=stand_in.url)
        make_due(record)

        assert "Notification Successfully Pushed!" in process()
    finally:
        stand_in.stop()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"base_url": "exp.host"}, "base_url in the target's settings is no web address"),
        ({"base_url": "ftp://127.0.0.1"}, "base_url in the target's settings is no web address"),
        ({"base_url": "http://[::1"}, "base_url in the target's settings is no web address"),
        ({"base_url": "http://127.0.0.1:99999999"}, "Correct the credentials and base_url"),
        ({"access_token": "planted\naccess-token"}, "Correct the credentials and base_url"),
    ],
)
def test_settings_that_make_no_request_stop_the_target_and_say_so(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    changes: dict[str, str],
    said: str,
) -> None:
    configure(settings, **changes)
    make_many(make_due, record, 3)

    output = process()

    assert said in output
    assert "access-token" not in output
    assert statuses() == {"SCHEDULED": 3}


SECRETS = "planted-access-token for ExponentPushToken[eggs-benedict]: a secret, planted-body"


@pytest.mark.parametrize(
    "answer",
    [
        errors(400, "VALIDATION_ERROR", SECRETS),
        errors(401, "UNAUTHORIZED", SECRETS),
        errors(500, "INTERNAL_SERVER_ERROR", SECRETS),
        errors(400, SECRETS, "code"),
        Answer(status=400, json={"errors": [SECRETS, None, 3]}),
        Answer(status=400, text=f"<html>{SECRETS}</html>"),
        Answer(status=200, text=f"<html>{SECRETS}</html>"),
        ticket("DeviceNotRegistered", SECRETS),
        ticket("MessageTooBig", SECRETS),
        ticket("InvalidCredentials", SECRETS),
        Answer(close=True),
        Answer(delay=10),
    ],
)
def test_neither_token_nor_body_reaches_responses_or_logs(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    answer: Answer,
) -> None:
    caplog.set_level(logging.DEBUG)
    configure(settings, timeout=0.3, access_token="planted-access-token")
    providers.on_request = refused(answer)
    notification = make_due(record, body="a secret, planted-body")

    output = process()

    notification.refresh_from_db()
    assert (
        "Test notification - a secret, planted-body\n" in output
    )  # the documented line of the body
    responses = output.replace("Test notification - a secret, planted-body\n", "")
    for text in (responses, notification.response, caplog.text):
        assert "planted" not in text
        assert "eggs-benedict" not in text


def test_the_client_is_a_patch_point(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(record, extra={"sound": "default"})

    with mock.patch("django_notification_system.notification_handlers.expo.PushClient") as client:
        assert send_notification(notification) == "Notification Successfully Pushed!"

    assert providers.requests == []
    [message] = client.return_value.publish.call_args.args
    assert (message.to, message.title, message.body, message.sound) == (
        record.target_user_id,
        notification.title,
        notification.body,
        "default",
    )
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED
    assert notification.provider_message_id == ""


class OldPushClient:
    """What stands in for the client in the tests of release 1.5.3: no session, no timeout."""

    def __init__(self, host: str | None = None, api_url: str | None = None) -> None:
        self.host = host

    def publish(self, message: Any) -> PushTicket:
        assert message.get_payload()["to"] == message.to
        return PushTicket(
            push_message=message, status="ok", message="", details=None, id="ticket-1"
        )


def test_a_stand_in_class_of_a_projects_tests_need_not_know_the_new_arguments(
    providers: ProviderStandIn,
    record: TargetUserRecord,
    make_due: MakeDue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "django_notification_system.notification_handlers.expo.PushClient"
    monkeypatch.setattr(name, OldPushClient)
    notification = make_due(record)

    assert send_notification(notification) == "Notification Successfully Pushed!"

    notification.refresh_from_db()
    assert notification.provider_message_id == "ticket-1"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (PushServerError("Invalid server response", mock.Mock()), Notification.RETRY),
        (
            PushServerError("Failed", mock.Mock(), errors=[{"code": "API_ERROR"}]),
            Notification.DELIVERY_FAILURE,
        ),
        (ValueError("Invalid push token"), Notification.RETRY),
    ],
)
def test_an_error_of_a_patched_client_is_an_outcome_too(
    providers: ProviderStandIn,
    record: TargetUserRecord,
    make_due: MakeDue,
    error: Exception,
    status: str,
) -> None:
    notification = make_due(record)

    with mock.patch("django_notification_system.notification_handlers.expo.PushClient") as client:
        client.return_value.publish.side_effect = error
        assert send_notification(notification).startswith(type(error).__name__)

    notification.refresh_from_db()
    assert notification.status == status


def test_a_ticket_of_a_patched_client_may_refuse_the_device(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(record)
    refusal = DeviceNotRegisteredError(mock.Mock(message="Not registered"))

    with mock.patch("django_notification_system.notification_handlers.expo.PushClient") as client:
        client.return_value.publish.return_value.validate_response.side_effect = refusal
        response = send_notification(notification)

    assert response == "DeviceNotRegisteredError: Not registered"
    record.refresh_from_db()
    assert record.active is False
    notification.refresh_from_db()
    assert notification.status == Notification.INACTIVE_DEVICE


def test_send_notification_saves_as_in_release_1_5_3(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(record, title="Good")
    providers.on_request = lambda request: (
        errors(503, "UNAVAILABLE") if b"Bad" in request.body else None
    )
    make_due(record, title="Bad")

    notifications = Notification.objects.filter(
        target_user_record__target__name="Expo",
        status="SCHEDULED",
        scheduled_delivery__lte=timezone.now(),
    ).order_by("-title")
    responses = [send_notification(notification) for notification in notifications]

    assert responses[0] == "Notification Successfully Pushed!"
    assert responses[1].startswith("PushServerError: HTTP 503, UNAVAILABLE")
    good, bad = Notification.objects.order_by("-title")
    assert good.status == Notification.DELIVERED
    assert good.attempted_delivery is not None
    assert bad.status == Notification.RETRY
    assert bad.retry_attempts == 1
    assert bad.scheduled_delivery > timezone.now()


@pytest.mark.parametrize("missing", ["exponent_server_sdk", "six"])
def test_a_missing_client_says_which_extra_to_install(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    name = "django_notification_system.notification_handlers.expo"
    monkeypatch.delitem(sys.modules, name)
    real_import = builtins.__import__

    def without_it(module: str, *args: Any, **kwargs: Any) -> Any:
        if module == missing:
            raise ModuleNotFoundError(f"No module named {missing!r}")
        return real_import(module, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_it)

    with pytest.raises(ImportError, match=r"pip install django-notification-system\[expo\]"):
        importlib.import_module(name)


def test_a_message_that_the_client_itself_refuses_spoils_no_other(
    records: dict[str, TargetUserRecord], make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Client:
        """A fake in the manner of release 1.5.3's tests, which refuses one kind of sound."""

        def __init__(self, **kwargs: Any) -> None:
            pass

        def publish(self, message: Any) -> Any:
            return self.publish_multiple([message])[0]

        def publish_multiple(self, messages: Any) -> Any:
            if any(message.sound == "BAD_SOUND!" for message in messages):
                raise PushServerError("Request failed", {})
            return [PushTicket(message, "ok", "", None, "ticket") for message in messages]

    monkeypatch.setattr("django_notification_system.notification_handlers.expo.PushClient", Client)
    for number in range(4):
        make_due(records["Expo"], title=f"fine {number}")
    bad = make_due(records["Expo"], title="bad", extra={"sound": "BAD_SOUND!"})
    list(Run())
    assert Notification.objects.filter(status="DELIVERED").count() == 4
    bad.refresh_from_db()
    assert bad.status == Notification.RETRY
