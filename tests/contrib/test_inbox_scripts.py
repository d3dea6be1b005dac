"""The inbox for scripts: JSON, and the script of the bell."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_notification_system.contrib.inbox.models import InboxItem
from tests.support.inbox_support import put, serve_inbox

pytestmark = pytest.mark.django_db
READ = InboxItem.State.READ


@pytest.fixture(autouse=True)
def urls(settings: Any) -> None:
    serve_inbox(settings)


@pytest.fixture
def reader(client: Client, user: Any) -> Client:
    client.force_login(user)
    return client


def test_items_come_twenty_at_a_time(reader: Client, user: Any) -> None:
    for number in range(25):
        put(user, f"No. {number}", ago=number, state=number % 2)
    first = reader.get("/inbox/items/")
    assert first["Content-Type"] == "application/json"
    assert first["Cache-Control"] == "private, no-store"
    second = reader.get("/inbox/items/", {"before": first.json()["next"]})
    items = first.json()["items"] + second.json()["items"]
    assert [item["title"] for item in items] == [f"No. {number}" for number in range(25)]
    assert len(first.json()["items"]) == 20
    assert second.json()["next"] is None
    assert items[0] == {**InboxItem.objects.first().as_dict(), "html": None}
    assert items[0]["state"] == "unread"


def test_items_of_a_view(reader: Client, user: Any) -> None:
    put(user, "Unread")
    put(user, "Archived", state=2)
    for show in ("unread", "archived"):
        items = reader.get("/inbox/items/", {"show": show}).json()["items"]
        assert [item["title"] for item in items] == [show.title()]


def test_a_bad_cursor_is_a_bad_request_that_says_so(reader: Client) -> None:
    response = reader.get("/inbox/items/?before=yesterday")
    assert response.status_code == 400
    assert "before is no cursor" in response.json()["error"]


@pytest.mark.parametrize("path", ["items", "unread", "stream"])
def test_nobody_without_a_login_learns_anything(client: Client, path: str) -> None:
    response = client.get(f"/inbox/{path}/")
    assert response.status_code == 403
    assert response.json() == {"error": "Log in first."}
    assert response["Cache-Control"] == "private, no-store"
    assert client.post(f"/inbox/{path}/").status_code in (403, 405)


def test_the_number_of_unread_items_and_304_where_nothing_has_changed(
    reader: Client, user: Any
) -> None:
    item = put(user)
    first = reader.get("/inbox/unread/")
    assert first.json() == {
        "unread": 1, "newest": item.pk, "badge": "1", "label": "1 unread notification"
    }  # fmt: skip
    assert first["Cache-Control"] == "private, no-store"
    known = {"If-None-Match": first["ETag"]}
    second = reader.get("/inbox/unread/", headers=known)
    assert second.status_code == 304
    assert second.content == b""
    assert second["Cache-Control"] == "private, no-store"
    # As many as before, but another one.
    InboxItem.objects.update(state=READ)
    put(user)
    assert reader.get("/inbox/unread/", headers=known).status_code == 200
    # The label's language is part of the answer.
    third = reader.get("/inbox/unread/", headers={**known, "Accept-Language": "de"})
    assert third.json()["label"] == "1 ungelesene Benachrichtigung"


def test_a_hundred_unread_items_are_many(reader: Client, user: Any) -> None:
    for number in range(99):
        put(user, f"No. {number}")
    assert reader.get("/inbox/unread/").json()["badge"] == "99"
    put(user, "One more")
    answer = reader.get("/inbox/unread/").json()
    assert (answer["unread"], answer["badge"]) == (100, "99+")
    assert answer["label"] == "99+ unread notifications"


def test_the_number_takes_a_query(reader: Client, user: Any) -> None:
    put(user)
    with CaptureQueriesContext(connection) as queries:
        reader.get("/inbox/unread/")
    assert len([query for query in queries if "inbox" in query["sql"]]) == 1
    assert len(queries) == 3  # session and user


def script() -> str:
    return Path(finders.find("django_notification_system/inbox.js")).read_text()


def test_the_script_is_small_and_makes_no_html_of_texts() -> None:
    assert len(script().encode()) <= 2176
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval", script())
