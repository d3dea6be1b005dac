"""Whatever anybody sends to the view of status callbacks, it is no error of the server's."""

from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.test.client import BOUNDARY
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from django_notification_system.contrib import twilio as contrib
from django_notification_system.testing.providers import ProviderStandIn
from tests.support.twilio_callbacks import form_of, post, serve, signed
from tests.support.twilio_support import TOKEN, configure

pytestmark = pytest.mark.django_db

PATH = "/twilio/status/"
FORM = "application/x-www-form-urlencoded"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


@pytest.fixture(autouse=True)
def urls(settings: Any, providers: ProviderStandIn) -> None:
    serve(settings)
    settings.ALLOWED_HOSTS = ["*"]


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contrib.status, "WAITS", ())


def send(body: bytes = b"", *, query: str = "", content_type: str = FORM, **headers: str) -> int:
    """Post with whatever headers; an error of the server's is raised, and fails the test."""
    environment = {"HTTP_X_TWILIO_SIGNATURE": "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", **headers}
    response = Client().generic(
        "POST", PATH, body, content_type=content_type, QUERY_STRING=query, **environment
    )
    return response.status_code


@pytest.mark.parametrize(
    "host",
    [
        "testserver:99999",
        "testserver:0",
        "testserver:" + "9" * 5000,
        "testserver:port",
        "testserver:",
        "[::1",
        "[::1]:99999",
        "a b",
        "",
        "\x00",
        "ü.example",
    ],
    ids=lambda host: host[:20],
)
def test_a_host_that_is_none_is_refused(host: str) -> None:
    assert send(b"MessageSid=a", HTTP_HOST=host) == 403


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (MULTIPART, b"--broken"),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=" + "a" * 500, b""),
        (FORM + "; charset=utf-16", b"a=b"),
        (FORM, b"&" * 3000 + b"a=b&" * 3000),
        (FORM, b"\xff\xfe=%00&%zz"),
        (FORM, b"a" * 3_000_000),
        ("application/json", b'{"a": '),
        ("", b"a=b"),
    ],
    ids=lambda value: str(value)[:30],
)
@pytest.mark.parametrize("query", ["", "attempt=%ff", "attempt=" + "a" * 5000, "&=%"])
def test_a_form_that_is_none_is_refused(content_type: str, body: bytes, query: str) -> None:
    assert send(body, query=query, content_type=content_type) == 403


@pytest.mark.parametrize("charset", ["rot13", "undefined", "idna", "hex"])
@pytest.mark.parametrize("content_type", [FORM, MULTIPART])
def test_an_encoding_that_is_none_is_refused(content_type: str, charset: str) -> None:
    # Without a query: Django reads that one before any view is called.
    body = (
        b"--" + BOUNDARY.encode() + b'\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--'
        + BOUNDARY.encode() + b"--\r\n"
    )  # fmt: skip
    assert send(body, content_type=f"{content_type}; charset={charset}") == 403


@pytest.mark.parametrize("callback_url", ["http://[::1", "https://www.example.com:99999/", "//", 5])
def test_a_callback_url_that_is_none_refuses(callback_url: Any, settings: Any) -> None:
    configure(settings, callback_url=callback_url)
    assert send(b"MessageSid=a", query="attempt=a") == 403


LATIN = st.text(st.characters(max_codepoint=255), max_size=40)


@hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
@given(
    body=st.binary(max_size=60),
    query=LATIN.map(quote) | LATIN,
    content_type=st.sampled_from([FORM, MULTIPART, "text/plain"]) | LATIN,
    host=LATIN,
    signature=LATIN,
    algorithm=LATIN | LATIN.map("algorithm={}".format),
)
def test_no_request_is_an_error_of_the_servers(
    body: bytes, query: str, content_type: str, host: str, signature: str, algorithm: str
) -> None:
    status = send(
        body,
        query=query,
        content_type=content_type,
        HTTP_HOST=host,
        HTTP_X_TWILIO_SIGNATURE=signature,
        HTTP_X_TWILIO_WEBHOOKS_SIGNATURE_SETTINGS=algorithm,
    )
    assert status == 403


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)


@hypothesis_settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
@given(
    status=ANY_TEXT | st.sampled_from(["delivered", "failed"]),
    code=ANY_TEXT | st.integers().map(str),
    sid=ANY_TEXT,
    attempt=ANY_TEXT,
)
def test_no_report_of_twilios_is_one_either(status: str, code: str, sid: str, attempt: str) -> None:
    form = form_of(status, code, sid)
    at = f"{PATH}?attempt={quote(attempt)}"
    response = post(form, at=at, signature=signed(f"http://testserver{at}", dict(form), TOKEN))
    assert response.status_code in (204, 404)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_other_methods_are_none(method: str) -> None:
    assert Client().generic(method, PATH).status_code == 405
