"""The admin shows the inbox, changes nothing and counts no whole table."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_notification_system.contrib.inbox.models import InboxEvent, InboxItem
from django_notification_system.notification_creators.notify import notify
from tests.support.plans import plan_of, statements_of

pytestmark = pytest.mark.django_db
LISTS = "/admin/django_notification_system_inbox"
INDEX = "inbox_event_created"


@pytest.mark.parametrize("name", ["inboxitem", "inboxevent"])
def test_lists_and_pages_are_read_only(admin_client: Client, user: Any, name: str) -> None:
    notify(user, "Milk <b>is</b> out", target="inbox")
    pk = (InboxItem if name == "inboxitem" else InboxEvent).objects.get().pk
    with CaptureQueriesContext(connection) as queries:
        page = admin_client.get(f"{LISTS}/{name}/").content.decode()
    assert "Milk &lt;b&gt;is&lt;/b&gt; out" in page
    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    assert all("LIMIT" in sql for sql in counts if "inbox" in sql)
    assert "Milk &lt;b&gt;is" in admin_client.get(f"{LISTS}/{name}/{pk}/change/").content.decode()
    for path in ("add/", f"{pk}/delete/"):
        assert admin_client.get(f"{LISTS}/{name}/{path}").status_code == 403
    assert admin_client.post(f"{LISTS}/{name}/{pk}/change/", {"state": 1}).status_code == 403


def test_items_are_found_by_their_user(admin_client: Client, user: Any) -> None:
    notify(user, "Milk", target="inbox")
    assert "Milk" in admin_client.get(f"{LISTS}/inboxitem/?q=egg").content.decode()
    assert "Milk" not in admin_client.get(f"{LISTS}/inboxitem/?q=nobody").content.decode()


def test_the_list_of_items_joins_no_table(admin_client: Client, user: Any) -> None:
    for number in range(3):
        notify(user, f"Milk {number}", target="inbox")
    with CaptureQueriesContext(connection) as queries:
        assert "Milk 2" in admin_client.get(f"{LISTS}/inboxitem/?q=egg").content.decode()
    table = InboxItem._meta.db_table
    read = [sql for each in queries if table in (sql := each["sql"]) and "COUNT(" not in sql]
    assert len(read) == 1
    assert "JOIN" not in read[0]


def test_the_newest_event_comes_first_whatever_its_key(admin_client: Client, user: Any) -> None:
    titles = [f"Milk {number}" for number in range(6)]
    for number, title in enumerate(titles):
        # Every second key is made of an idempotency key, and says nothing of the moment.
        notify(user, title, target="inbox", idempotency_key=str(number) if number % 2 else None)
    html = admin_client.get(f"{LISTS}/inboxevent/").content.decode()
    assert re.findall(r"Milk \d", html) == titles[::-1]


def test_the_list_of_events_is_read_in_the_order_of_an_index(admin_client: Client) -> None:
    InboxEvent.objects.bulk_create(InboxEvent(title=str(number)) for number in range(3000))
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    table = InboxEvent._meta.db_table
    [statement] = [
        each
        for each in statements_of(lambda: admin_client.get(f"{LISTS}/inboxevent/"))
        if "ORDER BY" in each and table in each
    ]
    if connection.vendor == "mysql":  # sorts so few rows; a large table is read by the index
        named = f"FROM `{table}`"
        statement = statement.replace(named, f"{named} FORCE INDEX FOR ORDER BY ({INDEX})")
    plan = plan_of(statement)
    assert {each.index for each in plan.accesses} == {INDEX}
    # Others than MariaDB sort those of one moment by key: a few more than a page has.
    assert all(rows is None or rows <= 300 for rows in plan.sorted_rows), plan


def test_the_state_of_an_item_stands_before_the_long_title(admin_client: Client, user: Any) -> None:
    notify(user, "Milk " * 40, target="inbox")
    html = admin_client.get(f"{LISTS}/inboxitem/").content.decode()
    row = html.partition("<tbody>")[2]
    assert row.index("Unread") < row.index("Milk")
    assert '<td class="field-title">Milk' in row  # not of the class nowrap
