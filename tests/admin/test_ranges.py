"""Lists of more targets than a database merges in one statement."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin import site
from django.test import Client
from django.utils import timezone

from django_notification_system.admin.listing import ranges
from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
from tests.support.admin_site import address, staff_client

pytestmark = pytest.mark.django_db

#: With the seven statuses of what was attempted 504 ranges: SQLite merges 500.
TARGETS = 72
ATTEMPTED = "attempted_delivery__isempty=0"


@pytest.fixture
def client() -> Client:
    """The browser of somebody who may only look."""
    return staff_client("view_notification", "view_targetuserrecord")


@pytest.fixture
def many_targets(user: Any) -> list[str]:
    """Three attempted notifications in each of many targets; their titles, the newest first.

    What the first targets have is due at the same moment as what the last have.
    """
    now = timezone.now()
    targets = NotificationTarget.objects.bulk_create(
        NotificationTarget(name=f"Target {number}", notification_module_name=f"target_{number}")
        for number in range(TARGETS)
    )
    records = TargetUserRecord.objects.bulk_create(
        TargetUserRecord(user=user, target=target, target_user_id="egg") for target in targets
    )
    made = Notification.objects.bulk_create(
        Notification(
            target_user_record=record,
            target=record.target,
            title=f"{number} {status}",
            status=status,
            scheduled_delivery=now - timedelta(minutes=number % (TARGETS // 2), hours=hours),
            attempted_delivery=now,
        )
        for hours, status in enumerate(("RETRY", "DELIVERED", "DELIVERY FAILURE"))
        for number, record in enumerate(records)
    )
    return [each.title for each in sorted(made, key=due, reverse=True)]


def due(notification: Notification) -> Any:
    return notification.scheduled_delivery


@pytest.mark.parametrize("order", ["-3", "3"])
def test_many_targets_are_listed_and_counted(
    client: Client, many_targets: list[str], order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.get_model_admin(Notification), "list_per_page", 2 * TARGETS)
    shown = []
    for number in (1, 2):
        page = client.get(f"{address(Notification)}?{ATTEMPTED}&o={order}&p={number}")
        changes = page.context["cl"]
        assert changes.result_count == 3 * TARGETS
        shown += list(changes.result_list)
    assert sorted(each.title for each in shown) == sorted(many_targets)
    moments = [due(each) for each in shown]
    assert moments == sorted(moments, reverse=order == "-3")


def test_ranges_are_merged_in_as_many_statements_as_are_needed(
    many_targets: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Notification.objects.filter(title__in=many_targets[-4:])
    keys = list(rows.order_by("scheduled_delivery", "pk").values_list("pk", flat=True))
    moments = sorted(rows.values_list("scheduled_delivery", flat=True))
    targets = set(rows.values_list("target", flat=True))
    parts = ranges.ranges_of(rows, targets, ["DELIVERY FAILURE"])
    monkeypatch.setattr(ranges, "MOST_MERGED", 2)
    assert [ranges.count_up_to(parts, limit) for limit in (1, 3, 9)] == [1, 3, 4]
    found = [ranges.moment_at(parts, place, newest_first=False) for place in range(5)]
    assert found == [*moments, None]
    assert set(ranges.keys_between(parts, 0, 9, newest_first=False)) == set(keys)
    halves = [
        ranges.keys_between(parts, start, stop, newest_first=False)
        for start, stop in ((0, 1), (1, 3), (3, 9))
    ]
    assert [len(half) for half in halves] == [1, 2, 1]
    assert {key for half in halves for key in half} == set(keys)
