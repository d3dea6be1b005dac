"""The lists and the count of a large inbox read one index, and no more rows than they show."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from django_notification_system.contrib.inbox.models import InboxEvent, InboxItem
from django_notification_system.contrib.inbox.unread import unread_of_many
from tests.settings import TEST_DATABASE
from tests.support.plans import plan_of, statements_of

pytestmark = pytest.mark.django_db
#: SQLite plans by the indexes alone, as nobody gathers statistics there; servers by the size too.
ITEMS = 300 if TEST_DATABASE == "sqlite" else 3_000


@pytest.fixture
def large_inbox(user: Any, django_user_model: Any) -> Any:
    """A user with many items, among as many of others."""
    other = django_user_model.objects.create_user(username="other")
    now = timezone.now()
    events = InboxEvent.objects.bulk_create(InboxEvent(title=str(n)) for n in range(ITEMS))
    InboxItem.objects.bulk_create(
        InboxItem(
            user=reader,
            event=event,
            state=number % 3,
            visible_from=now - timedelta(minutes=number + 1),
        )
        for number, event in enumerate(events)
        for reader in (user, other)
    )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return user


@pytest.mark.parametrize("question", ["newest", "behind", "unread", "count", "many"])
def test_a_question_to_a_large_inbox_reads_one_index(large_inbox: Any, question: str) -> None:
    inbox = InboxItem.objects.of(large_inbox)
    [last] = inbox.unread().newest(1)
    ask = {
        "newest": lambda: inbox.newest(20),
        "behind": lambda: inbox.newest(20, before=last.cursor),
        "unread": lambda: inbox.unread().newest(20),
        "many": lambda: unread_of_many([large_inbox.pk]),
        "count": lambda: InboxItem.objects.unread_count(large_inbox),
    }[question]
    for statement in statements_of(ask):
        plan = plan_of(statement)
        indexes = {each.index for each in plan.accesses if "inbox_item" in each.table + each.index}
        assert indexes == {"inbox_item_list"}, statement
        assert not any(each.whole for each in plan.accesses if "item" in each.table), statement
        # PostgreSQL sorts those of one moment by key: a few at a time.
        assert all(rows is not None and rows <= 100 for rows in plan.sorted_rows), plan
