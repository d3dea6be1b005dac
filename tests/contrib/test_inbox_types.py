"""Items of a type: by its ``inbox.html`` in the reader's language, else by the stored title."""

import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import InterfaceError, ProgrammingError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from django_notification_system import database
from django_notification_system.contrib.inbox import rendering
from django_notification_system.contrib.inbox.live.rounds import Rounds
from django_notification_system.contrib.inbox.models import InboxEvent, InboxItem
from django_notification_system.database import patiently
from django_notification_system.message_types import stored
from django_notification_system.types import NotificationType, known_types, register
from tests.support.inbox_support import put, serve_inbox, stream_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def types() -> Iterator[None]:
    # Else a page in German leaves its language to the tests that follow.
    with known_types(), translation.override(translation.get_language()):

        @register
        class Shipped(NotificationType):
            key = "shop.Shipped"
            templates = "inbox_types/shipped"

            whose: User
            what: str

        @register
        class Broken(NotificationType):
            key = "shop.Broken"
            templates = "inbox_types/broken"

        @register
        class Plain(NotificationType):
            key = "shop.Plain"
            templates = "inbox_types/nothing"

        yield


@pytest.fixture
def reader(settings: Any, client: Client, user: Any) -> Client:
    serve_inbox(settings)
    client.force_login(user)
    return client


def shipped(user: Any, whose: Any, what: str = "a parcel", title: str = "The title") -> None:
    params = {"whose": {"model": "auth.user", "pk": whose if whose is None else whose.pk}}
    put(user, title, type="shop.Shipped", data={"params": {**params, "what": what}})


def test_the_template_is_rendered_in_the_reader_s_language(reader: Client, user: Any) -> None:
    shipped(user, user, what="<b>a parcel</b>")
    for language, word in (("en", "Unread"), ("de", "Ungelesen")):
        html = reader.get("/inbox/", headers={"Accept-Language": language}).text
        assert f"{word}: Eggs, &lt;b&gt;a parcel&lt;/b&gt; for egg" in html
        items = reader.get("/inbox/items/", headers={"Accept-Language": language})
        assert f"{word}: Eggs" in items.json()["items"][0]["html"]


def test_a_page_of_a_type_has_one_query_more_for_each_model(
    reader: Client, user: Any, django_user_model: Any
) -> None:
    for number in range(15):
        shipped(user, django_user_model.objects.create(username=f"user {number}"))
    with CaptureQueriesContext(connection) as queries:
        html = reader.get("/inbox/").text
    assert "a parcel for user 14" in html
    assert len(queries) == 3 + 2 + 1


def test_news_of_a_type_for_many_readers_have_one_query_more_for_each_model(
    user: Any, django_user_model: Any
) -> None:
    readers = [django_user_model.objects.create(username=str(number)) for number in range(10)]
    open_streams, rounds = [stream_of(reader) for reader in readers], Rounds()
    rounds(open_streams)

    def queries(number: int) -> int:
        for reader in readers[:number]:
            shipped(reader, user)
        with CaptureQueriesContext(connection) as captured:
            found = rounds(open_streams)
        assert [each.events[0].data["html"] is not None for each in found] == [True] * number
        return len(captured)

    assert queries(2) == queries(10) == 3 + 1


def test_the_stored_title_stands_for_what_cannot_be_rendered(
    reader: Client, user: Any, django_user_model: Any, caplog: pytest.LogCaptureFixture
) -> None:
    gone = django_user_model.objects.create(username="gone")
    shipped(user, gone, title="Object gone")
    gone.delete()
    put(user, "No parameters", type="shop.Shipped")
    put(user, "Wrong parameters", type="shop.Shipped", data={"params": {"whose": 5, "what": []}})
    put(user, "Unknown type", type="shop.Unknown", data={"params": {}})
    put(user, "No template", type="shop.Plain", data={"params": {}})
    put(user, "Broken template", type="shop.Broken", data={"params": {}})
    put(user, "A list", type="shop.Shipped", data=["params"])
    shipped(user, user, title="Never seen")
    with caplog.at_level(logging.WARNING):
        html = reader.get("/inbox/").text
    for title in ("Object gone", "No parameters", "Wrong parameters", "Unknown type",
                  "No template", "Broken template", "A list"):  # fmt: skip
        assert f'<p class="inbox-title" dir="auto">{title}</p>' in html
    assert "Never seen</p>" not in html
    assert "a parcel for egg" in html
    assert "inbox_types/broken/inbox.html fails" in caplog.text


def test_the_stored_titles_stand_where_a_table_cannot_be_read(
    reader: Client, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(references: Any, relations: Any) -> Any:
        raise ProgrammingError("relation shop_order does not exist")

    monkeypatch.setattr(stored, "read_objects", missing)
    shipped(user, user)
    assert '<p class="inbox-title" dir="auto">The title</p>' in reader.get("/inbox/").text


def test_a_page_does_not_wait_for_a_database_that_is_away(
    user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def read(references: Any, relations: Any) -> Any:
        def fail() -> Any:
            calls.append("asked")
            raise InterfaceError("connection already closed")

        return patiently(fail, using="elsewhere")

    away = SimpleNamespace(in_atomic_block=False, vendor="sqlite", close=lambda: None)
    monkeypatch.setattr(database, "connections", {"elsewhere": away})
    patience = iter([0.0, 0.0, 1000.0])
    clock = SimpleNamespace(monotonic=lambda: next(patience), sleep=lambda seconds: None)
    monkeypatch.setattr(database, "time", clock)
    monkeypatch.setattr(stored, "read_objects", read)
    shipped(user, user)
    with pytest.raises(InterfaceError):
        rendering.TypedItems(InboxItem.objects.select_related("event"))
    assert calls == ["asked"]


def test_scripts_read_what_the_type_shows_and_not_its_parameters(reader: Client, user: Any) -> None:
    shipped(user, user, what="a secret that no template shows")
    put(user, "No type", data={"params": 7})
    event = InboxEvent.objects.get(title="The title")
    event.data |= {"colour": "red"}
    event.save()
    untyped, typed = reader.get("/inbox/items/").json()["items"]
    assert untyped["data"] == {"params": 7}
    assert typed["data"] == {"colour": "red"}
