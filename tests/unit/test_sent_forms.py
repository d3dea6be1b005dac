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


@pytest.mark.parametrize("pin", ["4711", "47110"])
def test_a_short_code_of_a_body_is_hidden_and_no_other_number_is(pin: str) -> None:
    answer = f"550 rejected 'PIN {pin}', code:{pin}. See error 21211 on port 2525, {pin}0 or 5.7.1"
    said = redacted(answer, bodies=[f"PIN {pin}, 212110 points"])
    assert said == (
        f"550 rejected 'PIN ***', code:***. See error 21211 on port 2525, {pin}0 or 5.7.1"
    )


def test_an_address_keeps_its_digits() -> None:
    said = redacted("no mailbox ann4711@shop.example", bodies=["4711"])
    assert said == "no mailbox ann4711@shop.example"


def test_a_secret_is_hidden_in_a_requests_spelling() -> None:
    said = redacted("400: To=%2B15005551234&Body=Hi", ["+15005551234"])
    assert said == "400: To=***&Body=Hi"
