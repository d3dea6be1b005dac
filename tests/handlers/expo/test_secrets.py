"""Neither tokens nor messages reach responses, logs or the database."""

import logging
from typing import Any

import pytest

from django_notification_system.models import TargetUserRecord
from django_notification_system.testing.providers import (
    Answer,
    ProviderStandIn,
)
from tests.conftest import MakeDue
from tests.support.expo_support import configure, errors, ticket
from tests.support.provider_support import Process, refused, time_limit

DATA = "planted-data-1723/x"
SECRETS = (
    f"planted-access-token for ExponentPushToken[eggs-benedict]: a secret, planted-body with {DATA}"
)


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
    configure(settings, timeout=time_limit(answer), access_token="planted-access-token")
    providers.on_request = refused(answer)
    extra = {"data": {"links": [DATA]}}
    notification = make_due(record, body="a secret, planted-body", extra=extra)

    output = process()

    notification.refresh_from_db()
    assert (
        "Test notification - a secret, planted-body\n" in output
    )  # the documented line of the body
    responses = output.replace("Test notification - a secret, planted-body\n", "")
    for text in (responses, notification.response, caplog.text):
        assert "planted" not in text
        assert "eggs-benedict" not in text
