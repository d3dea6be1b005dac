"""The counts of a run that lasts for weeks."""

from datetime import timedelta

from django.utils import timezone

from django_notification_system.delivery.runs.report import Report
from django_notification_system.models import Notification, NotificationTarget
from django_notification_system.operations.console.tally import MOST_COUNTS, Tally


def test_a_tally_grows_with_no_number_of_causes_and_moments() -> None:
    tally, target, now = Tally(), NotificationTarget(name="Email"), timezone.now()
    for number in range(MOST_COUNTS * 3):
        word = "".join(chr(ord("a") + int(digit)) for digit in str(number))
        for response in ("often", f"once {word}"):
            later = now + timedelta(minutes=number + 1)
            row = Notification(status="RETRY", scheduled_delivery=later)
            tally.add(Report(row, target, now, "SCHEDULED", response))
    assert len(tally.causes) <= MOST_COUNTS + 1
    assert len(tally.retries) <= MOST_COUNTS + 1
    assert tally.most_frequent_causes()[0].notifications == MOST_COUNTS * 3
