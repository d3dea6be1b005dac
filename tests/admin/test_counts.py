"""Lists in the admin that ask the database little, and count no further than they need."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_notification_system.admin.listing import paginator
from django_notification_system.admin.listing.paginator import AtLeast, CappedPaginator
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    TargetUserRecord,
    UserTarget,
)
from tests.conftest import MakeDue
from tests.support.admin_site import Records, address, suggestions

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(admin_client: Client) -> Client:
    """A superuser's browser."""
    return admin_client


def delete_selected(client: Client, model: Any) -> Any:
    keys = list(model.objects.values_list("pk", flat=True))
    return client.post(address(model), {"action": "delete_selected", "_selected_action": keys})


def show_list(client: Client, model: Any) -> Any:
    return client.get(address(model))


def suggest_records(client: Client, model: Any) -> Any:
    assert suggestions(client, Notification, "target_user_record")
    return client.get("/admin/")


@pytest.mark.parametrize(
    ("ask", "model"),
    [
        (show_list, Notification),
        (show_list, UserTarget),
        (show_list, NotificationOptOut),
        (suggest_records, UserTarget),
        (delete_selected, Notification),
        (delete_selected, NotificationOptOut),
    ],
)
def test_many_rows_take_as_many_queries_as_one(
    client: Client, records: Records, make_due: MakeDue, ask: Any, model: Any
) -> None:
    def make(number: int) -> None:
        user = get_user_model().objects.create_user(f"user{number}")
        record = TargetUserRecord.objects.create(
            user=user, target=records["Email"].target, target_user_id=number, description="Mail"
        )
        make_due(record, title=f"Number {number}")
        NotificationOptOut.objects.create(user=user)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert ask(client, model).status_code == 200
        return len(captured)

    TargetUserRecord.objects.all().delete()
    make(0)
    few = queries()
    for number in range(1, 50):
        make(number)
    assert queries() == few


def test_lists_count_no_further_than_the_cap(
    client: Client, records: Records, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paginator, "COUNTED_ROWS", 5)
    for number in range(7):
        make_due(records["Email"], title=f"Number {number}")
    with CaptureQueriesContext(connection) as captured:
        response = client.get(address(Notification))
    assert "5+ notifications" in response.content.decode()
    counts = [query["sql"] for query in captured if "COUNT(" in query["sql"]]
    assert len(counts) == 1
    assert "LIMIT 6" in counts[0]
    assert "ORDER BY" not in counts[0]
    Notification.objects.filter(title__in=["Number 5", "Number 6"]).delete()
    assert "5 notifications" in client.get(address(Notification)).content.decode()


def test_pages_within_the_cap_can_be_turned(records: Records, make_due: MakeDue) -> None:
    for number in range(7):
        make_due(records["Email"], title=f"Number {number}")
    pages = CappedPaginator(Notification.objects.order_by("title"), 3)
    assert (pages.count, pages.num_pages) == (7, 3)
    assert [row.title for row in pages.page(3)] == ["Number 6"]


def test_capped_count_is_a_number_that_writes_its_plus(settings: Any) -> None:
    assert str(AtLeast(10_000)) == "10000+"
    assert AtLeast(10_000) == 10_000
    settings.USE_THOUSAND_SEPARATOR = True
    assert str(AtLeast(10_000)) == "10000"


def test_facets_that_would_count_everything_are_off(client: Client, records: Records) -> None:
    with CaptureQueriesContext(connection) as captured:
        client.get(address(Notification) + "?_facets=True")
    assert sum("COUNT(" in query["sql"] for query in captured) == 1
