"""What a proxy quotes of a request is hidden, in the form in which the request had it."""

import json
from urllib.parse import urlencode

import pytest

from django_notification_system.notification_handlers.redaction import redacted, sent_forms

BODY = 'Größe 7: your code is\n"planted-code-123456"\nhttps://shop.example/?token=planted-token'


@pytest.mark.parametrize(
    "quoted",
    [
        urlencode({"To": "+15005550006", "Body": BODY}),
        urlencode({"Body": BODY})[:-12],
        json.dumps({"body": BODY}),
        json.dumps({"body": BODY}, ensure_ascii=False),
        json.dumps([{"body": BODY}])[:-20],
    ],
)
def test_a_quoted_request_gives_no_code_away(quoted: str) -> None:
    said = redacted(f"400 Bad Request: {quoted}", bodies=list(sent_forms(BODY)))
    assert said.startswith("400 Bad Request: ")
    assert "planted-code" not in said
    assert "planted" not in said.replace("planted-code", "")
