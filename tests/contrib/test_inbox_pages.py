"""The page of the inbox, as a browser without scripts has it, and what its buttons do."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system.contrib.inbox.models import InboxItem
from tests.support.inbox_support import MIDDLEWARE, put, serve_inbox

pytestmark = pytest.mark.django_db
READ, ARCHIVED = InboxItem.State.READ, InboxItem.State.ARCHIVED


@pytest.fixture(autouse=True)
def urls(settings: Any) -> None:
    serve_inbox(settings)


@pytest.fixture
def reader(client: Client, user: Any) -> Client:
    """Eggs Benedict's browser."""
    client.force_login(user)
    return client


@pytest.fixture
def other(django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("ann")


def html_of(response: Any) -> str:
    assert response.status_code == 200
    return str(response.content.decode())


def states() -> dict[str, int]:
    return dict(InboxItem.objects.values_list("event__title", "state"))


def titles_of(html: str) -> list[str]:
    return re.findall(
        r'<p class="inbox-title" dir="auto">(?:<span.*?</span>)?(?:<a[^>]*>)?([^<]*)', html
    )


# --- The page ---------------------------------------------------------------------------------


def test_the_page_shows_unread_and_read_items_the_newest_first(reader: Client, user: Any) -> None:
    put(user, "Oldest", ago=300, state=READ)
    put(user, "Middle", ago=200, body="By noon.\nRing twice.", url="/orders/17/")
    put(user, "Newest", ago=100, level="error", state=READ)
    put(user, "Put away", state=ARCHIVED)
    put(user, "Not yet", ago=-100)
    put(user, "Not any more", ago=100, expires_at=timezone.now())
    response = reader.get("/inbox/")
    html = html_of(response)
    assert titles_of(html) == ["Newest", "Middle", "Oldest"]
    assert '<a href="/orders/17/">Middle</a>' in html
    assert "<p>By noon.<br>Ring twice.</p>" in html
    assert '<span class="inbox-level">Error</span>Newest' in html
    assert html.count("inbox-item inbox-info inbox-unread") == 1
    assert response["Cache-Control"] == "private, no-store"


def test_the_page_shows_nobody_elses_items(reader: Client, other: Any) -> None:
    put(other, "Ann's secret")
    html = html_of(reader.get("/inbox/"))
    assert "secret" not in html
    assert "There is nothing here." in html


def test_the_views_show_the_unread_and_the_archived(reader: Client, user: Any) -> None:
    put(user, "Unread")
    put(user, "Read", state=READ)
    put(user, "Archived", state=ARCHIVED)
    assert titles_of(html_of(reader.get("/inbox/?show=unread"))) == ["Unread"]
    html = html_of(reader.get("/inbox/?show=archived"))
    assert titles_of(html) == ["Archived"]
    assert 'href="/inbox/?show=archived" aria-current="page"' in html
    assert "Move to the inbox" in html


def test_older_items_are_on_further_pages_in_their_view(reader: Client, user: Any) -> None:
    for number in range(45):
        put(user, f"No. {number}", ago=number, state=number % 2)
    seen: list[str] = []
    address = "/inbox/"
    while address:
        html = html_of(reader.get(address))
        seen += titles_of(html)
        link = re.search(r'rel="next" href="([^"]+)"', html)
        address = link[1].replace("&amp;", "&") if link else ""
    assert seen == [f"No. {number}" for number in range(45)]
    html = html_of(reader.get("/inbox/?show=unread"))
    assert re.search(r'rel="next" href="/inbox/\?show=unread&amp;before=', html)


@pytest.mark.parametrize(
    "query", ["before=x", "before=1-", f"before=1-{2**63}", f"before={10**19}-1", "show=x"]
)
def test_a_bad_parameter_is_a_bad_request(reader: Client, query: str) -> None:
    response = reader.get(f"/inbox/?{query}")
    assert response.status_code == 400
    assert response["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("query", ["", "?show=unread"])
def test_page_and_badge_take_three_queries(reader: Client, user: Any, query: str) -> None:
    for number in range(30):
        put(user, f"No. {number}", state=number % 2)
    reader.get("/inbox/")
    with CaptureQueriesContext(connection) as queries:
        html_of(reader.get(f"/inbox/{query}"))
    asked = [query["sql"] for query in queries if "inbox" in query["sql"]]
    assert len(asked) <= 3
    assert len(queries) == len(asked) + 2  # session and user
    assert not any(re.search(r"state\W+ IN", sql) for sql in asked)


def test_whoever_is_not_logged_in_is_sent_to_the_login(client: Client) -> None:
    response = client.get("/inbox/?show=unread")
    assert response.status_code == 302
    assert response["Location"] == "/login/?next=/inbox/%3Fshow%3Dunread"


def test_get_and_head_change_nothing(reader: Client, user: Any) -> None:
    item = put(user, "Unread")
    assert reader.get("/inbox/").status_code == reader.head("/inbox/").status_code == 200
    for path in (f"{item.pk}/read/", f"{item.pk}/unread/", f"{item.pk}/archive/", "read/"):
        assert reader.get(f"/inbox/{path}").status_code == 405
        assert reader.head(f"/inbox/{path}?up_to={item.pk}").status_code == 405
    assert states() == {"Unread": 0}


def test_german_readers_read_german(reader: Client, user: Any) -> None:
    put(user, "Unterwegs", level="warning")
    html = html_of(reader.get("/inbox/", headers={"Accept-Language": "de"}))
    assert '<html lang="de"' in html
    for text in ("Benachrichtigungen", "Alle als gelesen markieren", "Archivieren", "Warnung"):
        assert text in html


# --- Attempts -----------------------------------------------------------------------------------


def test_html_in_texts_is_shown_as_text(reader: Client, user: Any) -> None:
    put(
        user,
        "<script>alert(1)</script>",
        body='<img src=x onerror="alert(2)">',
        url='/"><script>alert(3)</script>',
        category='"><b>',
    )
    html = html_of(reader.get("/inbox/"))
    assert "<script>alert" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert 'href="/&quot;&gt;&lt;script&gt;alert(3)' in html


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)",
     "data:text/html,<script>alert(1)</script>", "vbscript:x", "ftp://example.com", "x"],
)  # fmt: skip
def test_no_link_leads_to_an_unsafe_address(reader: Client, user: Any, url: str) -> None:
    put(user, "Click me", url=url)
    html = html_of(reader.get("/inbox/"))
    assert '<p class="inbox-title" dir="auto">Click me</p>' in html
    assert reader.get("/inbox/items/").json()["items"][0]["url"] == ""


@pytest.mark.parametrize(
    "next_url",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)",
     "http:///evil.example", "\thttps://evil.example", "https:evil.example", ""],
)  # fmt: skip
def test_a_post_leads_to_no_other_site(reader: Client, user: Any, next_url: str) -> None:
    item = put(user)
    response = reader.post(f"/inbox/{item.pk}/read/", {"next": next_url})
    assert response.status_code == 302
    assert response["Location"] == "/inbox/"


def test_a_post_leads_back_to_its_page(reader: Client, user: Any) -> None:
    item = put(user)
    for url in ("/orders/?page=2", "http://testserver/orders/"):
        response = reader.post(f"/inbox/{item.pk}/read/", {"next": url})
        assert response["Location"] == url
    # Over https, http would be a step down.
    response = reader.post(f"/inbox/{item.pk}/read/", {"next": url}, secure=True)
    assert response["Location"] == "/inbox/"


@pytest.mark.parametrize("middleware", [[], ["django.middleware.csrf.CsrfViewMiddleware"]])
def test_every_post_needs_its_token(settings: Any, user: Any, middleware: list[str]) -> None:
    settings.MIDDLEWARE = [*MIDDLEWARE, *middleware]
    item = put(user, "Unread")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    paths = [f"/inbox/{item.pk}/read/", f"/inbox/{item.pk}/unread/", f"/inbox/{item.pk}/archive/"]
    for path in (*paths, "/inbox/read/"):
        assert browser.post(path, {"up_to": item.pk}).status_code == 403
    assert states() == {"Unread": 0}
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', html_of(browser.get("/inbox/")))
    assert token
    data = {"csrfmiddlewaretoken": token[1]}
    assert browser.post(paths[0], data).status_code == 302
    assert states() == {"Unread": READ}


# --- What the buttons do ------------------------------------------------------------------------


def test_an_item_is_marked_and_archived_and_comes_back(reader: Client, user: Any) -> None:
    item = put(user, "Item")
    for path, state in (("read", 1), ("unread", 0), ("archive", 2), ("unread", 0), ("read", 1)):
        assert reader.post(f"/inbox/{item.pk}/{path}/").status_code == 302
        assert states() == {"Item": state}, path


def test_nobody_changes_anybody_elses_item(reader: Client, user: Any, other: Any) -> None:
    own, foreign = put(user, "Own"), put(other, "Ann's")
    missing = foreign.pk + 1
    for key in (foreign.pk, missing, 2**63, 10**30):
        for path in ("read", "unread", "archive"):
            assert reader.post(f"/inbox/{key}/{path}/").status_code == 404
        for data in ({"up_to": key}, {"id": [own.pk, key]}):
            expected = 400 if key >= 2**63 else 404
            assert reader.post("/inbox/read/", data).status_code == expected
    assert states() == {"Own": 0, "Ann's": 0}


def test_all_is_what_the_page_has_shown(reader: Client, user: Any, other: Any) -> None:
    put(user, "Older", ago=500)
    late = put(user, "Shows later", ago=-50)  # a smaller key than the newest shown
    put(user, "Shown", ago=100)
    put(other, "Ann's", ago=200)
    put(user, "Put away", ago=200, state=ARCHIVED)
    html = html_of(reader.get("/inbox/"))
    up_to = re.search(r'name="up_to" value="(\d+)"', html)
    assert up_to
    put(user, "Came meanwhile", ago=1)
    InboxItem.objects.filter(pk=late.pk).update(visible_from=late.event.created)
    assert reader.post("/inbox/read/", {"up_to": up_to[1]}).status_code == 302
    assert states() == {
        "Older": READ, "Shown": READ, "Shows later": 0, "Came meanwhile": 0, "Ann's": 0,
        "Put away": ARCHIVED,
    }  # fmt: skip


def test_many_ids_are_marked_and_too_many_refused(reader: Client, user: Any) -> None:
    items = [put(user, f"No. {number}") for number in range(3)]
    keys = [item.pk for item in items]
    response = reader.post("/inbox/read/", {"id": keys[:2] * 450, "next": "/inbox/"})
    assert response.status_code == 302
    assert states() == {"No. 0": READ, "No. 1": READ, "No. 2": 0}
    response = reader.post("/inbox/read/", {"id": keys * 301})
    assert response.status_code == 400
    assert response.json() == {"error": "Send at most 900 of id in a request."}
    assert states()["No. 2"] == 0


@pytest.mark.parametrize(
    "data",
    [{}, {"up_to": ""}, {"up_to": "x"}, {"up_to": "-1"}, {"up_to": ["1", "2"]}, {"id": "٣"},
     {"id": ["1", "x"]}],
)  # fmt: skip
def test_a_post_without_a_right_id_is_a_bad_request(reader: Client, data: Any) -> None:
    assert reader.post("/inbox/read/", data).status_code == 400


def test_a_script_gets_the_new_number(reader: Client, user: Any) -> None:
    item, left = put(user, "One"), put(user, "Two")
    response = reader.post(f"/inbox/{item.pk}/read/", headers={"Accept": "application/json"})
    assert response.json() == {
        "changed": 1, "unread": 1, "newest": left.pk, "badge": "1", "label": "1 unread notification"
    }  # fmt: skip


def test_a_post_after_the_session_ended_leads_to_the_login(client: Client, user: Any) -> None:
    item = put(user, "Unread")
    response = client.post(f"/inbox/{item.pk}/read/")
    assert response["Location"] == "/login/?next=/inbox/"
    response = client.post(f"/inbox/{item.pk}/read/", headers={"Accept": "application/json"})
    assert response.status_code == 403
    assert states() == {"Unread": 0}


# --- Projects' settings -------------------------------------------------------------------------


def test_django_s_middleware_that_asks_for_a_login_is_no_obstacle(
    settings: Any, client: Client, user: Any
) -> None:
    settings.MIDDLEWARE = [
        *MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]  # fmt: skip
    item = put(user)
    assert client.get("/inbox/")["Location"].startswith("/login/?next=")
    assert client.get("/inbox/unread/").status_code == 403
    assert client.get("/inbox/stream/").status_code == 403
    client.force_login(user)
    assert titles_of(html_of(client.get("/inbox/"))) == [item.event.title]
    assert client.post(f"/inbox/{item.pk}/read/")["Location"] == "/inbox/"
    assert client.get("/inbox/unread/").json()["unread"] == 0
    assert client.get("/inbox/stream/").json() == {"poll": 30}


def test_atomic_requests_is_no_obstacle(settings: Any, reader: Client, user: Any) -> None:
    item = put(user)
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        assert reader.get("/inbox/").status_code == 200
        assert reader.get("/inbox/stream/").json() == {"poll": 30}
        assert reader.post("/inbox/read/", {"up_to": item.pk}).status_code == 302
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
    assert states() == {item.event.title: READ}
