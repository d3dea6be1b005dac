"""Filters of the admin's lists, and the order in which rows come."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    TargetUserRecord,
    UserTarget,
)
from tests.conftest import MakeDue
from tests.support.admin_site import Records, address, listed

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(admin_client: Client) -> Client:
    """A superuser's browser."""
    return admin_client


def test_notifications_are_filtered(client: Client, records: Records, make_due: MakeDue) -> None:
    now = timezone.now()
    make_due(records["Email"], title="waits", scheduled_delivery=now + timedelta(days=1))
    make_due(records["Expo"], title="gone", status=Notification.DELIVERED, attempted_delivery=now)
    target = records["Expo"].target_id
    assert listed(client, Notification, "status__exact=DELIVERED") == {"gone"}
    assert listed(client, Notification, f"target_user_record__target__id__exact={target}") == {
        "gone"
    }
    assert listed(client, Notification, "attempted_delivery__isempty=1") == {"waits"}
    assert listed(client, Notification, "attempted_delivery__isempty=0") == {"gone"}
    assert listed(client, Notification, "") == {"gone", "waits"}


def test_notifications_come_latest_first(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    now = timezone.now()
    for days in (2, 1, 3):
        make_due(records["Email"], title=f"{days}", scheduled_delivery=now - timedelta(days=days))
    rows = client.get(address(Notification)).context["cl"].result_list
    assert [row.title for row in rows] == ["1", "2", "3"]


@pytest.mark.parametrize("model", [UserTarget, TargetUserRecord])
def test_records_come_in_the_order_of_an_index(
    client: Client, records: Records, model: Any
) -> None:
    with CaptureQueriesContext(connection) as captured:
        client.get(address(model))
    (page,) = [
        query["sql"]
        for query in captured
        if "ORDER BY" in query["sql"] and "target_user_record" in query["sql"]
    ]
    order = page.partition("ORDER BY")[2]
    assert re.findall(r"\.[\"`](\w+)", order) == ["user_id", "target_id", "target_user_id"]


def test_user_targets_are_filtered(client: Client, records: Records) -> None:
    me = get_user_model().objects.get(username="admin")
    mine = TargetUserRecord.objects.create(
        user=me, target=records["Email"].target, target_user_id="ada@example.com", active=False
    )
    everything = listed(client, UserTarget, "")
    assert len(everything) == 4
    assert listed(client, UserTarget, "just_me=true") == {str(mine.pk)}
    assert listed(client, UserTarget, "active__exact=0") == {str(mine.pk)}
    assert listed(client, UserTarget, f"target__id__exact={records['Expo'].target_id}") == {
        str(records["Expo"].pk)
    }


def test_opt_outs_are_filtered(client: Client, user: Any) -> None:
    opt_out = NotificationOptOut.objects.create(user=user, active=True)
    assert listed(client, NotificationOptOut, "active__exact=1") == {str(opt_out.pk)}
    assert listed(client, NotificationOptOut, "active__exact=0") == set()
