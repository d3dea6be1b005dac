"""Shared by the tests of what becomes of a notification."""

from datetime import datetime

from django.utils import timezone

from django_notification_system.delivery.outcomes.apply import apply
from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import (
    NotificationAttempt,
)
from django_notification_system.outcome import Outcome


def run() -> None:
    list(Run())


def settled(outcome: Outcome, at: datetime | None = None) -> Outcome:
    at = at or timezone.now()
    apply(outcome, at=at, due_by=at, when_unknown="retry")
    return outcome


def history() -> list[tuple[str, str]]:
    attempts = NotificationAttempt.objects.order_by("attempted_at")
    return list(attempts.values_list("result", "response"))
