"""``send_test_notification --category``: the headers to unsubscribe, and the page behind them."""

import http.client
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client

from django_notification_system.categories import Category, known_categories
from django_notification_system.operations.own_page import look_at
from django_notification_system.testing.smtp import SmtpStandIn
from tests.support.preferences_support import serve_preferences
from tests.support.send_test_notification import Output

pytestmark = pytest.mark.django_db


class Site(ThreadingHTTPServer):
    """A site that answers every request alike, and keeps the requests."""

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def site(settings: Any) -> Iterator[Site]:
    with (
        Site() as server,
        known_categories(
            Category("news", label="News"), Category("security", label="Security", mandatory=True)
        ),
    ):
        serve_preferences(settings, BASE_URL=server.url)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_headers_are_those_of_the_mail_and_the_page_answers(
    site: Site, mail_server: SmtpStandIn
) -> None:
    done = Output("Email", "--category", "news")
    assert done.error == ""
    [mail] = mail_server.received
    header = mail["List-Unsubscribe"]
    assert f"List-Unsubscribe: {header}" in done.text
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in done.text
    assert "List-Id: <news.127.0.0.1>" in done.text
    assert done.text.endswith("The page answers.\n")
    assert [f"<{site.url}{path}>" for path in site.asked] == [header]


def test_the_real_page_answers_though_a_test_message_has_no_stored_record(
    site: Site, mail_server: SmtpStandIn, client: Client
) -> None:
    Output("Email", "--category", "news")
    site.status = client.get(site.asked[0]).status_code
    assert Output("Email", "--category", "news").text.endswith("The page answers.\n")


@pytest.mark.parametrize(
    ("status", "said"), [(302, "The page redirects (HTTP 302)"), (404, "answers with HTTP 404")]
)
def test_page_that_does_not_answer_is_said(
    site: Site, mail_server: SmtpStandIn, status: int, said: str
) -> None:
    site.status = status
    assert said in Output("Email", "--category", "news").text
    assert len(site.asked) == 1


def test_site_that_is_away_is_said(site: Site, mail_server: SmtpStandIn, settings: Any) -> None:
    serve_preferences(settings, BASE_URL="http://name.invalid")
    assert "could not be fetched from here" in Output("Email", "--category", "news").text


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/n/u/x/", "file:///etc/passwd", "http://127.0.0.1:1/"]
)
def test_no_other_host_is_asked(site: Site, url: str) -> None:
    assert look_at(url) == "The page was not fetched: the address is not BASE_URL's."
    assert site.asked == []


def test_mandatory_category_has_no_headers(site: Site, mail_server: SmtpStandIn) -> None:
    done = Output("Email", "--category", "security")
    assert "The mail has no headers to unsubscribe" in done.notes
    assert site.asked == []


def test_unknown_category_is_an_error_and_sends_nothing(
    site: Site, mail_server: SmtpStandIn
) -> None:
    done = Output("Email", "--category", "nonsense")
    assert "there is no such category. Known are: news, security" in done.error
    assert mail_server.received == []


def test_a_page_that_speaks_no_http_is_named(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.NOTIFICATION_SYSTEM = {"BASE_URL": "https://www.example.com"}

    def answer(*_: Any, **__: Any) -> None:
        raise http.client.BadStatusLine("SSH-2.0")

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", answer)
    said = look_at("https://www.example.com/n/")
    assert said == "The page could not be fetched from here: BadStatusLine: SSH-2.0"
