"""Neither keys, endpoints nor messages reach responses, logs, the history or exports."""

import json
import logging
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from django_notification_system.models import (
    Notification,
    NotificationAttempt,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_handlers.faults import outcome_of_fault
from django_notification_system.notification_handlers.webpush.answers import (
    describe_answer,
    trouble_of_answer,
)
from django_notification_system.notification_handlers.webpush.faults import classify
from django_notification_system.operations.erase_person import erase_person_data
from django_notification_system.operations.export_person import export_person_data
from django_notification_system.testing.providers import Answer, ReceivedRequest
from django_notification_system.testing.push_service import Browser, PushServiceStandIn
from tests.conftest import MakeDue
from tests.support.provider_support import Process, time_limit
from tests.support.webpush_support import PRIVATE_KEY, configure

BODY = "planted-body: https://example.com/login/planted-token/"
#: Answers that are JSON, with the names that push services use.
JSON_ANSWERS = st.dictionaries(
    st.sampled_from(["reason", "errno", "error", "message"]),
    st.none() | st.integers() | st.text(max_size=60) | st.lists(st.integers(), max_size=3),
).map(lambda said: json.dumps(said).encode())
STATUSES = (200, 204, 302, 400, 401, 403, 404, 406, 410, 413, 429, 500, 502, 503)


def secrets_of(browser: Browser) -> list[str]:
    keys = browser.subscription["keys"]
    path = browser.endpoint.rpartition("/")[2]
    return [PRIVATE_KEY, browser.endpoint, path, keys["p256dh"], keys["auth"], "planted-"]


def quoting(browser: Browser, answer: Answer) -> Any:
    """Return an ``on_request`` whose answer quotes all that it knows."""

    def answer_with(request: ReceivedRequest) -> Answer:
        if answer.status is None:
            return answer
        known = " ".join([*secrets_of(browser), *request.headers.values(), BODY])
        said = dict.fromkeys(("message", "error", "reason", "errno", "title"), known)
        location = {"Location": f"{browser.endpoint}?{known}"} if answer.status != 503 else {}
        return Answer(status=answer.status, json={**said, "VAPID": known}, headers=location)

    return answer_with


@pytest.mark.parametrize(
    "answer",
    [*(Answer(status=status) for status in STATUSES), Answer(close=True), Answer(delay=10)],
)
def test_nothing_secret_is_stored_or_logged(
    push_service: PushServiceStandIn,
    process: Process,
    record: TargetUserRecord,
    browser_of_egg: Browser,
    make_due: MakeDue,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    answer: Answer,
) -> None:
    caplog.set_level(logging.DEBUG)
    configure(settings, timeout=time_limit(answer))
    settings.NOTIFICATION_SYSTEM = {"HISTORY": "all"}
    push_service.on_request = quoting(browser_of_egg, answer)
    notification = make_due(record, body=BODY)

    output = process("--verbosity", "3")

    notification.refresh_from_db()
    attempts = NotificationAttempt.objects.values_list("response", flat=True)
    texts = {
        "output": output.replace(BODY, ""),
        "response": notification.response,
        "message id": notification.provider_message_id,
        "history": " ".join(attempts),
        "log": caplog.text + " ".join(str(vars(entry)) for entry in caplog.records),
        "repr": f"{record!r} {record.details!r} {notification!r}",
    }
    for where, text in texts.items():
        for secret in secrets_of(browser_of_egg):
            assert secret not in text.replace(BODY, ""), f"{where}: {text}"


def test_a_persons_data_have_no_keys(record: TargetUserRecord, browser_of_egg: Browser) -> None:
    exported = json.dumps(export_person_data(record.user), default=str)
    for secret in secrets_of(browser_of_egg):
        assert secret not in exported
    assert browser_of_egg.address in exported


def test_an_endpoint_is_hidden_however_it_is_spelt_on_the_way(
    push_service: PushServiceStandIn,
    record: TargetUserRecord,
    make_due: MakeDue,
    process: Process,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Windows's endpoints have percent signs, which libraries write in capitals."""
    caplog.set_level(logging.DEBUG)
    endpoint = "https://db5p.notify.windows.com/w/?token=BQYAAABk%2fplanted%2bplanted%3d%3d"
    record.details = {**record.details, "endpoint": endpoint}
    record.save()
    push_service.on_request = lambda request: Answer(status=503, text="down")
    notification = make_due(record)
    output = process()
    push_service.stop()
    NotificationTarget.objects.update(paused_until=None)
    other = make_due(record, title="No connection")
    output += process()
    for each in (notification, other):
        each.refresh_from_db()
        assert "planted" not in each.response
    assert "planted" not in output + caplog.text
    assert "BQYAAABk" not in output + caplog.text
    assert "Failed to establish a new connection" in output


def test_an_erased_person_leaves_no_keys(record: TargetUserRecord) -> None:
    erase_person_data(record.user)
    kept = TargetUserRecord.objects.filter(details__isnull=False)
    assert not kept.exists()


@given(
    status=st.integers(100, 999),
    content=st.binary(max_size=300) | st.text(max_size=300).map(str.encode) | JSON_ANSWERS,
    retry_after=st.none() | st.text(max_size=20),
    location=st.text(max_size=60),
)
def test_whatever_is_answered_has_one_outcome_and_a_short_line(
    status: int, content: bytes, retry_after: str | None, location: str
) -> None:
    answer = requests.Response()
    answer.status_code, answer._content = status, content
    trouble = trouble_of_answer(answer, "fcm.googleapis.com")
    notification = Notification()
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    said = describe_answer(answer)
    ended = outcome_of_fault(notification, classify(trouble), said, headers)
    assert ended.response.startswith(f"HTTP {status}")
    assert len(said) <= 60
    assert ended.deactivate_record is (status in (404, 410))


@pytest.mark.usefixtures("without_collection")
def test_an_answer_of_brackets_without_end_has_no_name() -> None:
    answer = requests.Response()
    answer.status_code, answer._content = 400, b"[" * 200_000
    assert describe_answer(answer) == "HTTP 400"


def test_the_names_of_known_errors_are_told(
    push_service: PushServiceStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    push_service.answers.extend(
        [
            Answer(status=403, json={"reason": "BadJwtToken"}),
            Answer(status=413, json={"errno": 104, "message": "planted-body"}),
        ]
    )
    make_due(record, title="First")
    process()
    make_due(record, title="Second")
    process()
    responses = dict(Notification.objects.values_list("title", "response"))
    assert "says HTTP 403: BadJwtToken." in responses["First"]
    assert "another key than vapid_private_key" in responses["First"]
    assert "says HTTP 413: 104." in responses["Second"]
