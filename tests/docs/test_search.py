"""The site's own search finds the right page for the words that people type."""

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.settings import TEST_DATABASE
from tests.support.documentation import DOCS
from tests.support.places import ROOT
from tests.support.subprocesses import run_python

pytestmark = pytest.mark.skipif(TEST_DATABASE != "sqlite", reason="The site has no database.")

#: How far down a person looks.
LOOKED_AT = 3
#: What people type, and a page that answers; more than one where each of them does.
PAGES = {
    "reminder": "howto/schedule",
    "schedule": "howto/schedule",
    "cancel": "howto/schedule",
    "time zone": "howto/schedule",
    "Slack": "howto/custom_targets",
    "custom target": "howto/custom_targets",
    "handler": "howto/custom_targets",
    "GDPR": "howto/privacy",
    "privacy": "howto/privacy",
    "export": "howto/privacy",
    "delete user": "howto/privacy",
    "Heroku": "howto/heroku",
    "Docker": "howto/docker",
    "Kubernetes": "howto/kubernetes",
    "systemd": "howto/systemd",
    "cron": "howto/cron",
    "Celery": "howto/celery",
    "production": "howto/production",
    "multi database": "howto/databases",
    "PostgreSQL": "howto/databases",
    "MariaDB": "howto/databases",
    "troubleshooting": "howto/troubleshooting",
    "FAQ": "howto/troubleshooting",
    "duplicate": "howto/troubleshooting",
    "twice": "howto/troubleshooting",
    "late": "howto/troubleshooting",
    "spam": "howto/troubleshooting",
    "send_mail": "howto/from_send_mail",
    "async": "howto/from_send_mail",
    "post_office": "howto/from_post_office",
    "migration from 1.5.3": "howto/upgrade",
    "upgrade": "howto/upgrade",
    "changelog": "changelog",
    "preferences": "howto/preferences",
    "unsubscribe": "howto/opt_outs",
    "opt out": "howto/opt_outs",
    "bounce": "howto/bounces",
    "webhook": "howto/bounces",
    "Twilio": "howto/text_messages",
    "SMS": "howto/text_messages",
    "WhatsApp": "howto/text_messages",
    "Expo": "howto/push",
    "push": "howto/push",
    "template": "howto/email",
    "attachment": "howto/email",
    "HTML": "howto/email",
    "metrics": "howto/metrics",
    "Prometheus": "howto/metrics",
    "OpenTelemetry": "howto/tracing",
    "Sentry": "howto/logs",
    "logging": "howto/logs",
    "monitoring": "howto/monitoring",
    "purge": "howto/purge",
    "retention": "howto/purge",
    "idempotency": "howto/notify",
    "priority": "howto/notify",
    "rate limit": "reference/settings",
    "throttle": "reference/settings",
    "retry": "reference/settings",
    "translation": "howto/translations",
    "testing": "howto/testing",
    "pytest": "howto/testing",
    "outbox": "howto/testing",
    "performance": "explanation/speed",
    "glossary": "reference/glossary",
    "record": "reference/glossary",
}
#: What the page of the search does with the word in its address, without a page anew for each.
SEARCH = """word => {
    document.querySelector("#search-results").replaceChildren();
    Search.performSearch(word);
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the site's search, built anew."""
    folder = tmp_path_factory.mktemp("site")
    done = run_python(
        *("-m", "tests.support.searchable_site", str(folder)), folder=ROOT, environment={}
    )
    assert done.returncode == 0, done.stderr
    handler = functools.partial(QuietHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files, and says nothing of it."""

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def search(site: str, browser: Any) -> Iterator[Any]:
    """A function that searches for a word, on the page of the search; see ``SEARCH``."""
    page = browser.new_page()
    page.goto(f"{site}/search.html")

    def search_for(word: str) -> list[str]:
        page.evaluate(SEARCH, word)
        return found_on(page)

    yield search_for
    page.close()


def test_every_word_that_people_type_finds_its_page(search: Any) -> None:
    found = {word: search(word) for word in PAGES}
    missed = {word: pages for word, pages in found.items() if PAGES[word] not in pages}
    assert missed == {}


def test_a_word_that_no_page_has_finds_none(search: Any) -> None:
    assert search("zeppelin") == []


def test_the_search_field_of_a_page_leads_to_the_search(site: str, browser: Any) -> None:
    page = browser.new_page()
    page.goto(f"{site}/index.html")
    page.fill(".sidebar-search", "custom target")
    page.press(".sidebar-search", "Enter")
    page.wait_for_url(f"{site}/search.html?{urlencode({'q': 'custom target'})}*")
    assert PAGES["custom target"] in found_on(page)
    page.close()


def found_on(page: Any) -> list[str]:
    """Return the first pages that a search shows."""
    # The summary is written once the last result stands in the list.
    page.wait_for_selector("#search-results .search-summary:not(:empty)", state="attached")
    links = page.evaluate(
        "() => [...document.querySelectorAll('#search-results ul.search > li > a')]"
        ".map(link => new URL(link.href).pathname)"
    )
    pages = [path.removeprefix("/").removesuffix(".html") for path in links]
    return list(dict.fromkeys(pages))[:LOOKED_AT]


def test_every_page_that_is_searched_for_is_there() -> None:
    assert len(PAGES) >= 57
    assert {page for page in PAGES.values() if not Path(DOCS / f"{page}.rst").exists()} == set()
