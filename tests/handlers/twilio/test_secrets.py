"""What nobody may read in the database, on a screen or in a log: token, text and number."""

import base64
import json
import logging
from typing import Any

import pytest
from django.core import serializers
from django.core.management import call_command

from django_notification_system.models import Notification, NotificationAttempt, TargetUserRecord
from django_notification_system.testing.providers import Answer, ProviderStandIn
from tests.conftest import MakeDue
from tests.support.provider_support import refused, time_limit
from tests.support.twilio_support import TOKEN, configure, refusal

NUMBER = "+15005551234"
LINE = "a planted-secret in a line"
BODY = f"planted-body: your code is 778899.\n{LINE}"
CALLBACK = "https://user:planted-password@www.example.com/status/"
PICTURE = "https://media.example.com/egg.png?key=planted-key/44"
LOGIN = base64.b64encode(f"AC0123456789:{TOKEN}".encode()).decode()
QUOTED = f"{TOKEN}, {LOGIN}, {CALLBACK}, {NUMBER}, {BODY}, {LINE}, 778899, {PICTURE}"

ANSWERS = [
    refusal(400, 21617, f"Too long: {QUOTED}"),
    refusal(400, 21211, f"The 'To' number {NUMBER} is not a valid phone number: {QUOTED}"),
    refusal(400, 21610, QUOTED),
    refusal(429, 20429, QUOTED),
    refusal(500, 20500, QUOTED),
    refusal(502, 20502, QUOTED),
    refusal(401, 20003, QUOTED),
    refusal(400, 21609, QUOTED),
    Answer(status=400, json={"message": [QUOTED], "code": QUOTED, "status": QUOTED}),
    Answer(
        status=400,
        json={
            "type": "about:blank",
            "title": QUOTED,
            "detail": QUOTED,
            "status": 400,
            "code": 21617,
        },
    ),
    Answer(status=302, text=QUOTED, headers={"Location": f"https://example.com/?{TOKEN}"}),
    Answer(status=400, text=f"<html>{QUOTED}</html>"),
    Answer(status=403, text=f"<html>{QUOTED}</html>"),
    Answer(status=201, text=QUOTED),
    Answer(status=201, json={"sid": [QUOTED]}),
    Answer(status=200, json={"body": QUOTED}),
    Answer(close=True),
    Answer(delay=10),
]


@pytest.fixture
def record(records: dict[str, TargetUserRecord]) -> TargetUserRecord:
    record = records["Twilio"]
    record.target_user_id = NUMBER
    record.save()
    return record


@pytest.mark.parametrize("answer", ANSWERS)
def test_planted_secrets_stay_where_the_project_has_put_them(
    providers: ProviderStandIn,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    answer: Answer,
) -> None:
    caplog.set_level(logging.DEBUG)
    settings.NOTIFICATION_SYSTEM = {"HISTORY": "all"}
    configure(settings, timeout=time_limit(answer), callback_url=CALLBACK)
    providers.on_request = refused(answer)
    notification = make_due(record, body=BODY, extra={"media_url": [PICTURE]})

    call_command("process_notifications")

    printed = capsys.readouterr()
    block = f"Test notification - {BODY}\n"  # the documented line of a block
    assert block in printed.out
    rows = [*Notification.objects.all(), *NotificationAttempt.objects.all()]
    stored = json.loads(serializers.serialize("json", rows))
    assert stored[0]["fields"].pop("body") == BODY
    assert stored[0]["fields"].pop("extra") == {"media_url": [PICTURE]}
    texts = [
        printed.out.replace(block, ""),
        printed.err,
        json.dumps(stored),
        *(each.getMessage() for each in caplog.records if not each.name.startswith("django.db")),
        *(each.exc_text or "" for each in caplog.records),
    ]
    for text in texts:
        for secret in ("planted", "778899", NUMBER, LOGIN):
            assert secret not in text
    notification.refresh_from_db()
    if notification.status != Notification.SCHEDULED:
        assert notification.response


def test_a_message_that_goes_out_leaves_none_behind_either(
    providers: ProviderStandIn,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    configure(settings, callback_url=CALLBACK)
    make_due(record, body=BODY)

    call_command("process_notifications", verbosity=0)

    assert providers.received[0].fields["StatusCallback"].startswith(CALLBACK)
    for each in caplog.records:
        if not each.name.startswith("django.db"):
            for secret in ("planted", "778899", NUMBER, LOGIN):
                assert secret not in each.getMessage()
