"""Neither tokens, keys nor messages reach responses, logs, history, pages or exports."""

import copy
import logging
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from django_notification_system.models import (
    NotificationAttempt,
    NotificationTarget,
)
from django_notification_system.notification_handlers.fcm.answer import (
    message_name,
    trouble_of,
    words_of,
)
from django_notification_system.notification_handlers.fcm.faults import FAULTS, Part, classify
from django_notification_system.notification_handlers.fcm.settings import FcmSettings
from django_notification_system.subscriptions import subscribe
from django_notification_system.testing.exchange import Answer, ReceivedRequest
from django_notification_system.testing.fcm_api import error_answer
from django_notification_system.testing.providers import ProviderStandIn
from tests.conftest import MakeDue
from tests.support.fcm_support import SENDS, TOKEN_PATH
from tests.support.provider_support import Process

TOKEN = "device:planted-token"  # a device's
BODY = "Your code is planted-body-417"
DATA = "planted-data-1723/x"
LISTED = "planted-list-55/y"
SAID = f"no {TOKEN} with {BODY} and {DATA} in {LISTED}"

ANSWERS = [
    error_answer(400, "INVALID_ARGUMENT", SAID, "INVALID_ARGUMENT"),
    error_answer(404, "NOT_FOUND", SAID, "UNREGISTERED"),
    error_answer(403, "PERMISSION_DENIED", SAID, "SENDER_ID_MISMATCH"),
    error_answer(401, "UNAUTHENTICATED", SAID, SAID),
    error_answer(429, "RESOURCE_EXHAUSTED", SAID, "QUOTA_EXCEEDED"),
    error_answer(500, "INTERNAL", SAID, "INTERNAL"),
    Answer(status=200, json={"name": 7, "error": {"message": SAID}}),
    Answer(status=400, text=f"<html>{SAID}</html>"),
    Answer(close=True),
]


def quoting(answer: Answer, path: str) -> Any:
    """Return an answer to a path that quotes the credentials of the request, too."""

    def respond(request: ReceivedRequest) -> Answer | None:
        if not request.path.endswith(path):
            return None
        quoted = f"{request.headers.get('authorization', '')} {request.body.decode()}"
        if answer.json is None:
            return answer
        changed = copy.deepcopy(answer.json)
        if isinstance(changed.get("error"), dict):
            changed["error"]["message"] = f"{quoted} {changed['error'].get('message', '')}"
        else:
            changed["error_description"] = quoted
        return Answer(status=answer.status, json=changed)

    return respond


@pytest.mark.parametrize("answer", ANSWERS)
def test_no_secret_of_a_message_is_told(
    fcm: ProviderStandIn,
    process: Process,
    user: Any,
    target: NotificationTarget,
    make_due: MakeDue,
    caplog: pytest.LogCaptureFixture,
    admin_client: Client,
    answer: Answer,
) -> None:
    caplog.set_level(logging.DEBUG)
    fcm.on_request = quoting(answer, SENDS)
    record = subscribe(user, target, TOKEN, {"token": TOKEN})
    apns = {"payload": {"aps": {"alert": {"loc-args": [LISTED]}}}}
    extra = {"data": {"x": DATA}, "apns": apns}
    notification = make_due(record, title="Code", body=BODY, extra=extra)
    output = process("--verbosity", "0")
    notification.refresh_from_db()
    export = StringIO()
    call_command("export_notification_data", user.get_username(), stdout=export)
    page = admin_client.get(
        reverse("admin:django_notification_system_usertarget_change", args=[record.pk])
    )
    shown = [
        output,
        notification.response,
        caplog.text,
        repr(list(NotificationAttempt.objects.values())),
        repr(record.details),
        page.content.decode(),
    ]
    for text in shown:
        for secret in (
            TOKEN,
            "planted-body",
            "planted-data",
            "planted-list",
            "ya29.",
            "PRIVATE KEY",
        ):
            assert secret not in text
    assert TOKEN not in export.getvalue()


def test_no_secret_of_the_key_is_told(
    fcm: ProviderStandIn,
    process: Process,
    user: Any,
    target: NotificationTarget,
    make_due: MakeDue,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    fcm.on_request = quoting(Answer(status=400, json={"error": "invalid_grant"}), TOKEN_PATH)
    make_due(subscribe(user, target, TOKEN, {"token": TOKEN}))
    text = process() + caplog.text
    [request] = fcm.requests
    assertion = request.body.decode().partition("assertion=")[2].partition("&")[0]
    assert len(assertion) > 100
    assert assertion not in text
    assert "PRIVATE KEY" not in text


def test_settings_show_no_key() -> None:
    shown = repr(FcmSettings(credentials={"private_key": "planted"}, base_url="http://u:p@h"))
    assert "planted" not in shown
    assert "u:p" not in shown


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("error", "details", "message", "errorCode", "@type", "fieldViolations"),
                    *("violations", "field", "subject", "description", "name", "status"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


class OddAnswer:
    """What the code reads of an answer of ``requests``."""

    def __init__(self, status: int, said: Any) -> None:
        self.status_code = status
        self._said = said

    def json(self) -> Any:
        if self._said is ...:
            raise ValueError("no JSON")
        return self._said


@given(status=st.integers(200, 599), said=JSON | st.just(...))
@hypothesis_settings(suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_answered_is_one_row(status: int, said: Any) -> None:
    answer: Any = OddAnswer(status, said)
    fault = classify(trouble_of(answer))
    assert fault in FAULTS
    assert fault.part is Part.MESSAGE
    assert words_of(answer).startswith(f"HTTP {status}")
    assert isinstance(message_name(answer), str)
