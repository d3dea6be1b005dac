"""A claim of named rows takes only rows that are free and due, where nothing has locked them."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from django_notification_system.delivery.claims.claim import Claim
from django_notification_system.delivery.claims.mark import mark
from django_notification_system.models import Notification, TargetUserRecord
from tests.conftest import MakeDue

pytestmark = pytest.mark.django_db


def marked(notification: Notification) -> int:
    claim = Claim(uuid.uuid4(), [], "default")
    return mark(claim, [notification.pk], 300, free_and_due_by=timezone.now())


def test_a_row_that_another_run_has_claimed_meanwhile_stays_with_it(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(loft)
    assert marked(notification) == 1
    notification.refresh_from_db()
    token = notification.claim_token
    assert marked(notification) == 0
    notification.refresh_from_db()
    assert (notification.claim_token, notification.interruptions) == (token, 1)


def test_a_row_that_was_put_off_meanwhile_is_left(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(loft, scheduled_delivery=timezone.now() + timedelta(minutes=5))
    assert marked(notification) == 0


def test_a_row_that_was_ended_meanwhile_is_left(loft: TargetUserRecord, make_due: MakeDue) -> None:
    assert marked(make_due(loft, status=Notification.CANCELLED)) == 0
