"""The attempts that the admin shows with their notification."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import Notification, NotificationAttempt, TargetUserRecord
from tests.conftest import MakeDue
from tests.support.admin_site import address, staff_client

pytestmark = pytest.mark.django_db


def test_the_history_is_shown_with_its_notification(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(loft, title="retry", retry_time_interval=0)
    list(Run())
    client = staff_client("view_notification")
    url = address(Notification, "change", notification.pk)
    client.get(url)  # Django remembers the kinds of content from now on
    with CaptureQueriesContext(connection) as few:
        page = client.get(url).content.decode()
    # The notification's own response, at the top and among its fields, is the same.
    assert page.count("A hawk was about.") == 3
    assert "Failed for now" in page
    now = timezone.now()
    NotificationAttempt.objects.bulk_create(
        NotificationAttempt(
            notification=notification,
            attempted_at=now + timedelta(seconds=number),
            result="RETRY",
            response=f"Hawk number {number}.",
        )
        for number in range(150)
    )
    with CaptureQueriesContext(connection) as many:
        page = client.get(url).content.decode()
    assert len(many) == len(few)
    shown = re.findall(r"Hawk number (\d+)\.", page)
    assert shown == [str(number) for number in range(149, 49, -1)]
    assert "The latest 100 are shown." in page


def test_whoever_may_delete_a_notification_may_delete_its_history(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(loft, title="fail")
    list(Run())
    client = staff_client("view_notification", "delete_notification")
    response = client.post(address(Notification, "delete", notification.pk), {"post": "yes"})
    assert response.status_code == 302
    assert not NotificationAttempt.objects.exists()
