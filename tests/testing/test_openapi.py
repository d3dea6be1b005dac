"""The check of requests finds what the providers would refuse."""

from urllib.parse import urlencode

import pytest
from jsonschema import Draft202012Validator

from django_notification_system.testing.exchange import ReceivedRequest
from tests.support.openapi import FOLDER, FORM, load, violations, violations_of_requests

PATH = "/2010-04-01/Accounts/AC0123456789/Messages.json"
HEADERS = {"authorization": "Basic QUM6dG9rZW4=", "content-type": FORM}
GOOD = {"To": "+15005550006", "From": "+15005550006", "Body": "Hello"}


def check(form: object = GOOD, *, path: str = PATH, method: str = "POST", **headers: str) -> str:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = form if isinstance(form, bytes) else urlencode(form, doseq=True).encode()  # type: ignore
    return "\n".join(violations("twilio", method, path, {**HEADERS, **named}, body))


@pytest.mark.parametrize("name", [file.stem for file in FOLDER.glob("*.json")])
def test_each_description_holds_valid_schemas(name: str) -> None:
    for schema in load(name)["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"MediaUrl": ["https://example.com/a.png", "https://example.com/b.png"]},
        {"MediaUrl": "https://example.com/a.png"},
        {"ValidityPeriod": 120, "StatusCallback": "https://example.com/status/#rc=2"},
        {"To": "whatsapp:+15005550006", "MessagingServiceSid": "MG1"},
    ],
)
def test_what_twilio_documents_is_right(more: dict[str, object]) -> None:
    assert check({**GOOD, **more}) == ""
    assert check({**GOOD, **more}, path=f"/proxy{PATH}") == ""


@pytest.mark.parametrize(
    ("form", "named"),
    [
        ({"From": "+15005550006", "Body": "Hello"}, "'To' is a required property"),
        ({"To": "+15005550006", "Body": "Hello"}, "is not valid under any of the given schemas"),
        ({"To": "+15005550006", "From": "+1"}, "is not valid under any of the given schemas"),
        ({**GOOD, "to": "+15005550006"}, "'to' was unexpected"),
        ({**GOOD, "To": "500 555 0006"}, "$.To"),
        ({**GOOD, "To": ["+15005550006", "+15005550007"]}, "$.To"),
        ({**GOOD, "Body": ""}, "$.Body"),
        ({**GOOD, "Body": "a" * 1601}, "is too long"),
        ({**GOOD, "ValidityPeriod": 36001}, "$.ValidityPeriod"),
        ({**GOOD, "ValidityPeriod": "soon"}, "$.ValidityPeriod"),
        ({**GOOD, "StatusCallback": "example.com"}, "$.StatusCallback"),
        ({**GOOD, "MediaUrl": ["a.png"]}, "$.MediaUrl[0]"),
        (b'{"To": "+15005550006"}', "the body is no"),
        (b"To=%FF&From=1&Body=a", "the body is no"),
    ],
)
def test_what_twilio_would_refuse_is_found(form: object, named: str) -> None:
    assert named in check(form)


def test_method_path_and_headers_are_looked_at() -> None:
    assert "no such path" in check(path="/2010-04-01/Accounts/AC1/Messages")
    assert "AccountSid" in check(path=PATH.replace("AC", "SK"))
    assert "no such method" in check(method="PUT")
    assert "Content-Type" in check(content_type="application/json")
    assert "Authorization" in check(authorization="Bearer token")
    assert "Authorization" in check(authorization="")


def test_all_requests_of_a_stand_in_are_checked() -> None:
    good = ReceivedRequest(PATH, HEADERS, urlencode(GOOD).encode())
    bad = ReceivedRequest(PATH, HEADERS, b"To=1")
    elsewhere = ReceivedRequest("/elsewhere", {}, b"")

    assert violations_of_requests([good, elsewhere]) == []
    assert violations_of_requests([good, bad])
