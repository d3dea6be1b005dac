"""Twilio's status callbacks, through Django's whole handling of a request."""

import builtins
import importlib
import logging
import re
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection, connections
from django.urls import reverse
from django.utils import timezone
from twilio.request_validator import RequestValidator

from django_notification_system.contrib import twilio as contrib
from django_notification_system.models import (
    Notification,
    NotificationAttempt,
    NotificationOptOut,
    TargetUserRecord,
)
from django_notification_system.notification_handlers.faults import Verdict
from django_notification_system.notification_handlers.twilio.faults import FAULTS
from django_notification_system.testing.providers import Answer, ProviderStandIn
from tests.conftest import MakeDue
from tests.support.provider_support import Process
from tests.support.twilio_callbacks import ADDRESS, SID, form_of, post, report, serve
from tests.support.twilio_support import TOKEN, configure


@pytest.fixture(autouse=True)
def urls(settings: Any, providers: ProviderStandIn) -> None:
    serve(settings)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contrib.status, "WAITS", (0.01, 0.02))


@pytest.fixture
def record(records: dict[str, TargetUserRecord]) -> TargetUserRecord:
    return records["Twilio"]


@pytest.fixture
def sent(record: TargetUserRecord, make_due: MakeDue) -> Notification:
    """A notification that Twilio took."""
    return make_due(
        record,
        status=Notification.DELIVERED,
        provider_message_id=SID,
        attempted_delivery=timezone.now() + timedelta(seconds=1),
    )


def test_a_message_is_followed_to_the_phone(sent: Notification) -> None:
    for status in ("queued", "sending", "sent"):
        assert report(status).status_code == 204
        sent.refresh_from_db()
        assert (sent.provider_status, sent.confirmed_at) == (status, None)

    assert report("delivered").status_code == 204

    sent.refresh_from_db()
    assert sent.status == Notification.DELIVERED
    assert sent.provider_status == "delivered"
    assert sent.confirmed_at is not None
    assert report("read").status_code == 204
    sent.refresh_from_db()
    assert sent.provider_status == "read"


def test_late_and_repeated_reports_change_nothing(sent: Notification) -> None:
    report("delivered")
    sent.refresh_from_db()
    known = (sent.provider_status, sent.confirmed_at, sent.modified_date)

    for status in ("delivered", "sent", "queued", "sending", "accepted", "delivered"):
        assert report(status).status_code == 204

    sent.refresh_from_db()
    assert (sent.provider_status, sent.confirmed_at, sent.modified_date) == known


def test_what_failed_stays_failed(sent: Notification, record: TargetUserRecord) -> None:
    report("undelivered", 30003)
    for status in ("sent", "delivered", "undelivered"):
        assert report(status).status_code == 204

    sent.refresh_from_db()
    record.refresh_from_db()
    assert (sent.status, sent.provider_status) == (Notification.DELIVERY_FAILURE, "undelivered")
    assert "phone is switched off" in sent.response
    assert "code 30003" in sent.response
    assert record.active is True
    assert NotificationAttempt.objects.filter(notification=sent).count() == 1


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        *(
            ("undelivered", code, Notification.INACTIVE_DEVICE)
            for fault in FAULTS
            if fault.verdict is Verdict.ADDRESS_GONE
            for code in fault.codes
        ),
        ("failed", 21610, Notification.OPTED_OUT),
        ("failed", 30001, Notification.DELIVERY_FAILURE),
        ("failed", 30002, Notification.DELIVERY_FAILURE),
        ("failed", 21606, Notification.DELIVERY_FAILURE),
        ("undelivered", 30007, Notification.DELIVERY_FAILURE),
        ("undelivered", 30008, Notification.DELIVERY_FAILURE),
        ("undelivered", 30034, Notification.DELIVERY_FAILURE),
        ("undelivered", 63016, Notification.DELIVERY_FAILURE),
        ("undelivered", None, Notification.DELIVERY_FAILURE),
        ("canceled", None, Notification.DELIVERY_FAILURE),
        ("failed", "odd", Notification.DELIVERY_FAILURE),
        ("failed", "9" * 5000, Notification.DELIVERY_FAILURE),
    ],
)
def test_the_error_code_decides_what_comes_of_the_record(
    sent: Notification,
    record: TargetUserRecord,
    status: str,
    code: int | str | None,
    expected: str,
) -> None:
    assert report(status, code).status_code == 204

    sent.refresh_from_db()
    record.refresh_from_db()
    assert sent.status == expected
    assert record.active is (expected == Notification.DELIVERY_FAILURE)
    assert sent.response.startswith(f"Twilio reports: {status}")
    assert "`" not in sent.response
    assert not NotificationOptOut.objects.exists()


@pytest.mark.parametrize("number", ["500-555-0006", "+15005550006"])
@pytest.mark.parametrize("is_trial", [False, True])
def test_what_is_said_of_a_number_for_trials_is_said_of_no_record(
    sent: Notification, record: TargetUserRecord, settings: Any, number: str, is_trial: bool
) -> None:
    TargetUserRecord.objects.filter(pk=record.pk).update(target_user_id=number)
    if is_trial:
        settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": {"twilio_sms": "+15005550099"}}
    to = "+15005550099" if is_trial else "+15005550006"

    assert post(form_of("undelivered", 30005, To=to)).status_code == 204

    record.refresh_from_db()
    assert record.active is is_trial


def test_an_error_code_of_a_message_that_arrived_says_nothing(
    sent: Notification, record: TargetUserRecord
) -> None:
    report("delivered", 30005)

    record.refresh_from_db()
    assert record.active is True


def test_a_record_that_has_changed_since_stays_on(
    sent: Notification, record: TargetUserRecord
) -> None:
    TargetUserRecord.objects.filter(pk=record.pk).update(
        target_user_id="+15005550099", modified_date=timezone.now() + timedelta(minutes=1)
    )

    report("undelivered", 30005)

    record.refresh_from_db()
    sent.refresh_from_db()
    assert record.active is True
    assert sent.status == Notification.INACTIVE_DEVICE


@pytest.mark.parametrize("status", ["receiving", "received", "partially_delivered", "new-word", ""])
def test_a_status_of_which_there_is_nothing_to_note_is_heard(
    sent: Notification, status: str
) -> None:
    assert report(status).status_code == (204 if status else 400)

    sent.refresh_from_db()
    assert (sent.status, sent.provider_status) == (Notification.DELIVERED, "")


# --- The callback that is asked for ---------------------------------------------------------


def test_each_message_asks_for_the_callback_of_the_settings(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    configure(settings, callback_url="https://www.example.com/sms/#rc=3", connections=1)
    make_due(record, title="Usual")
    make_due(record, title="Own", extra={"status_callback": "https://www.example.com/own/"})

    process()

    asked = {message.fields["StatusCallback"] for message in providers.received}
    [usual] = asked - {"https://www.example.com/own/"}
    assert re.fullmatch(r"https://www\.example\.com/sms/\?attempt=[0-9a-f]{32}#rc=3", usual)


def test_a_message_is_sent_and_then_reported_by_the_name_that_twilio_gave_it(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(record)
    process()

    answer = post(form_of("undelivered", 30005, sid=providers.received[0].message_id))

    assert answer.status_code == 204
    notification.refresh_from_db()
    record.refresh_from_db()
    assert notification.status == Notification.INACTIVE_DEVICE
    assert record.active is False


@pytest.mark.parametrize("when_unknown", ["retry", "fail"])
@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ([("delivered", None)], "DELIVERED"),
        ([("sent", None), ("delivered", None), ("sent", None)], "DELIVERED"),
        ([("sent", None)], None),
        ([("undelivered", 30003)], None),
    ],
)
def test_a_message_of_which_no_answer_came_is_known_by_its_attempt(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    when_unknown: str,
    reports: list[tuple[str, int | None]],
    expected: str | None,
) -> None:
    public = "https://www.example.com/hooks/sms?tenant=1#rc=3"
    configure(settings, callback_url=public, when_unknown=when_unknown, connections=1)
    providers.on_request = lambda request: Answer(close=True)
    notification = make_due(record)
    make_due(record, title="Another")
    process()
    notification.refresh_from_db()
    undecided = {"retry": "RETRY", "fail": "DELIVERY FAILURE"}[when_unknown]
    assert notification.status == undecided
    [asked] = [
        value
        for request in providers.requests
        for value in parse_qs(request.body.decode())["StatusCallback"]
        if notification.provider_message_id.removeprefix("attempt:") in value
    ]
    told, _, _ = asked.partition("#")

    for status, code in reports:
        query = f"/twilio/status/?{urlsplit(told).query}"
        assert report(status, code, address=told, at=query).status_code == 204

    notification.refresh_from_db()
    assert notification.status == (expected or undecided)
    assert (notification.confirmed_at is not None) is (expected is not None)
    other = Notification.objects.get(title="Another")
    assert (other.status, other.provider_status) == (undecided, "")


def test_an_attempt_cannot_be_named_without_a_signature(sent: Notification, settings: Any) -> None:
    configure(settings, callback_url=ADDRESS)
    Notification.objects.update(provider_message_id="attempt:1")

    assert report("failed", at="/twilio/status/?attempt=1").status_code == 403
    swapped = report("failed", at="/twilio/status/?attempt=1", address=f"{ADDRESS}?attempt=2")
    assert swapped.status_code == 403
    sent.refresh_from_db()
    assert sent.status == Notification.DELIVERED


# --- Reports that no notification is found for ----------------------------------------------


def test_a_message_of_nobodys_is_not_found(sent: Notification) -> None:
    answer = post(form_of("delivered", sid="SM00000000000000000000000000000002"))

    assert answer.status_code == 404
    assert SID not in answer.content.decode()


def test_a_message_of_another_target_is_not_found(
    records: dict[str, TargetUserRecord], make_due: MakeDue
) -> None:
    other = make_due(records["Email"], status=Notification.DELIVERED, provider_message_id=SID)

    assert report("failed").status_code == 404
    other.refresh_from_db()
    assert other.status == Notification.DELIVERED


def test_a_notification_that_a_run_holds_is_not_found(sent: Notification) -> None:
    Notification.objects.filter(pk=sent.pk).update(
        status=Notification.RETRY,
        claim_token="00000000-0000-0000-0000-000000000001",
        claimed_until=timezone.now() + timedelta(minutes=5),
    )

    assert report("delivered").status_code == 404


@pytest.fixture
def atomic_requests() -> Iterator[None]:
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    yield
    connection.settings_dict["ATOMIC_REQUESTS"] = False


@pytest.mark.skipif(connection.vendor == "sqlite", reason="threads share no database in memory")
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.usefixtures("atomic_requests")
def test_a_report_that_comes_before_the_outcome_is_recorded_waits_for_it(
    record: TargetUserRecord, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    notification = make_due(record)

    def record_outcome() -> None:
        Notification.objects.filter(pk=notification.pk).update(
            status=Notification.DELIVERED, provider_message_id=SID
        )
        connections.close_all()

    def wait(seconds: float) -> None:
        # In a transaction, the second look could see the same rows.
        assert not connection.in_atomic_block
        if seconds:  # between the first look and the second
            run = threading.Thread(target=record_outcome)
            run.start()
            run.join()

    monkeypatch.setattr(contrib.status, "time", SimpleNamespace(sleep=wait))
    answer = report("delivered")

    assert answer.status_code == 204
    notification.refresh_from_db()
    assert notification.confirmed_at is not None


def test_no_report_is_waited_for_longer_than_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert sum(contrib.status.WAITS) <= 1


# --- What is told, and what not -------------------------------------------------------------


def test_neither_token_nor_number_nor_text_reaches_logs_rows_or_answers(
    sent: Notification, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    planted = {"Body": "planted-body", "To": "+15005559999", "ErrorMessage": "planted-message"}

    answers = [
        post(form_of("undelivered", 30003, **planted)),
        post(form_of("undelivered", 30003, **planted), token="another"),
        post(form_of("undelivered", 30003, sid="SM2", **planted)),
        post(list(planted.items())),
    ]

    sent.refresh_from_db()
    attempts = NotificationAttempt.objects.values_list("response", flat=True)
    texts = [
        sent.response,
        sent.provider_status,
        *attempts,
        *(answer.content.decode() for answer in answers),
        *(each.getMessage() for each in caplog.records if not each.name.startswith("django.db")),
    ]
    for text in texts:
        for secret in ("planted", "+15005559999", TOKEN):
            assert secret not in text


def test_a_status_that_does_not_fit_is_cut(sent: Notification) -> None:
    assert report("a" * 500).status_code == 204


def test_releases_of_the_client_that_know_sha_1_alone_will_do(
    sent: Notification, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OldValidator(RequestValidator):
        def validate(self, uri: str, params: Any, signature: str) -> Any:
            return super().validate(uri, params, signature)

    monkeypatch.delattr(contrib.signature.request_validator, "get_signature_algorithm")
    monkeypatch.setattr(contrib.signature.request_validator, "RequestValidator", OldValidator)

    assert report("sent").status_code == 204


def test_a_missing_client_says_which_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("", ".signature", ".status", ".incoming"):
        monkeypatch.delitem(sys.modules, contrib.__name__ + name)
    real_import = builtins.__import__

    def without_twilio(module: str, *args: Any, **kwargs: Any) -> Any:
        if module == "twilio":
            raise ModuleNotFoundError("No module named 'twilio'")
        return real_import(module, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_twilio)

    with pytest.raises(ImportError, match=r"pip install 'django-notification-system\[twilio\]'"):
        importlib.import_module(contrib.__name__)


def test_the_url_has_a_name() -> None:
    name = "django_notification_system_twilio:status_callback"
    assert reverse(name) == "/twilio/status/"
