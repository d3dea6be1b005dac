"""Items to come whose reader changes a word before they are visible."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system.categories import Category, known_categories
from django_notification_system.contrib.inbox.models import InboxEvent, InboxItem
from django_notification_system.models import (
    ConsentLog,
    Notification,
    NotificationOptOut,
    Preference,
)
from django_notification_system.notification_creators.notify import notify
from django_notification_system.on_site import Fallback
from django_notification_system.operations.export_person import export_person_data
from django_notification_system.preferences import set_preference
from django_notification_system.testing import Outbox

pytestmark = pytest.mark.django_db
LATER = timedelta(hours=1)


@pytest.fixture(autouse=True)
def categories() -> Iterator[None]:
    with known_categories(
        Category("news", label="News"),
        Category("orders", label="Orders"),
        Category("security", label="Security", mandatory=True),
    ):
        yield


@pytest.fixture
def waiting(user: Any) -> None:
    """An item of each category to come, and one that is there."""
    for category in ("", "news", "orders", "security"):
        notify(
            user,
            category or "plain",
            "-",
            target="inbox",
            category=category,
            scheduled_delivery=timezone.now() + LATER,
        )
    notify(user, "there already", "-", target="inbox", category="news")


def to_come(user: Any) -> set[str]:
    """Return what the reader will see when the time has come."""
    items = InboxItem.objects.of(user, at=timezone.now() + 2 * LATER)
    titles = {item.event.title for item in items.newest()}
    assert items.count() == len(titles)
    return titles


ALL = {"plain", "news", "orders", "security", "there already"}


@pytest.mark.parametrize(
    ("word", "hidden"),
    [(("news",), {"news"}), (("", "inbox"), {"news", "orders"}), ((), {"plain", "news", "orders"})],
    ids=["category", "inbox", "everything"],
)
@pytest.mark.usefixtures("waiting")
def test_a_word_counts_for_what_is_to_come_and_may_be_taken_back(
    user: Any, word: tuple[str, ...], hidden: set[str]
) -> None:
    set_preference(user, *word, wanted=False, how="page")
    assert to_come(user) == ALL - hidden
    InboxItem.objects.of(user, at=timezone.now() + 2 * LATER).mark_unread()
    assert to_come(user) == ALL - hidden
    set_preference(user, *word, wanted=True, how="page")
    assert to_come(user) == ALL


@pytest.mark.usefixtures("waiting")
def test_a_yes_gives_back_nothing_that_another_word_forbids(user: Any) -> None:
    set_preference(user, "news", wanted=False, how="page")
    NotificationOptOut.objects.create(user=user)
    NotificationOptOut.objects.all().delete()
    assert to_come(user) == ALL - {"news"}


@pytest.mark.usefixtures("waiting")
def test_imported_words_count_too(user: Any) -> None:
    words = [Preference(user=user, category="news", target_key="inbox", state="no")]
    Preference.objects.bulk_set(words, how=ConsentLog.How.IMPORT)
    assert to_come(user) == ALL - {"news"}


@pytest.mark.usefixtures("waiting")
def test_what_was_withheld_stays_so_once_its_time_has_passed(user: Any) -> None:
    set_preference(user, "news", wanted=False, how="page")
    InboxItem.objects.update(visible_from=timezone.now() - LATER)
    set_preference(user, "news", wanted=True, how="page")
    assert to_come(user) == ALL - {"news"}
    assert "withheld" in {item["state"] for item in export_person_data(user)["inbox"]}


def test_a_withheld_item_was_not_read_on_the_site(user: Any, email: Any, outbox: Outbox) -> None:
    later = timezone.now() + LATER
    target = ["inbox", Fallback("Email", after=LATER)]
    notify(user, "Order 17", "-", target=target, category="orders", scheduled_delivery=later)
    set_preference(user, "orders", "inbox", wanted=False, how="page")
    Notification.objects.update(scheduled_delivery=timezone.now() - LATER)
    outbox.deliver()
    assert len(outbox) == 1


@pytest.mark.usefixtures("without_inbox")
def test_without_the_app_a_word_asks_for_no_item(user: Any) -> None:
    with CaptureQueriesContext(connection) as queries:
        set_preference(user, "news", wanted=False, how="page")
        NotificationOptOut.objects.create(user=user)
    assert not [query for query in queries if "inbox_" in query["sql"]]


def test_a_word_with_nothing_to_come_is_one_query(user: Any) -> None:
    notify(user, "there already", "-", target="inbox", category="news")
    with CaptureQueriesContext(connection) as queries:
        set_preference(user, "news", wanted=False, how="page")
    assert len([query for query in queries if "inbox_" in query["sql"]]) == 1
    assert InboxEvent.objects.count() == 1
