"""Shared by the tests of targets whose records have servers of their own."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import Notification, NotificationAttempt
from django_notification_system.testing.providers import Answer
from tests.support.runs import wait_until

SECOND = timedelta(seconds=1)


def check_short_wait(
    stand_in: Any,
    notification: Notification,
    answer_request: Callable[..., Answer | None],
    *,
    taken: Callable[..., Answer] | None = None,
) -> None:
    """Check that a message waits for the second that a server asks for, and no attempt is counted.

    Args:
        stand_in: The record's server, or a stand-in for a provider.
        notification: The notification, due.
        answer_request: Returns the server's answer, with ``Retry-After: 1``.
        taken: Returns the answer to the next try; by default the stand-in's own.
    """
    stand_in.on_request = answer_request
    began_at = timezone.now()
    run = Run()
    list(run)
    ended_at = timezone.now()
    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == ("SCHEDULED", 0)
    assert notification.attempted_delivery is None
    assert began_at + SECOND <= notification.scheduled_delivery <= ended_at + SECOND
    assert notification.response
    assert not NotificationAttempt.objects.exists()
    target = notification.target_user_record.target
    target.refresh_from_db()
    assert (run.problems, target.paused_until) == ({}, None)

    stand_in.on_request = taken
    wait_until(lambda: timezone.now() > notification.scheduled_delivery)
    list(Run())
    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == ("DELIVERED", 0)
