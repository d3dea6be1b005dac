"""Metrics for Prometheus: what is counted of deliveries."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from prometheus_client import generate_latest

from django_notification_system.contrib.prometheus import counting
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    TargetUserRecord,
)
from django_notification_system.observing import observers
from django_notification_system.testing.providers import Answer, ProviderStandIn
from django_notification_system.testing.smtp import SmtpStandIn
from tests.conftest import MakeDue
from tests.support.email_support import run
from tests.support.metrics_support import counted
from tests.support.scrapes import Samples, samples_of

__all__ = ["counted"]  # the fixture


def test_attempts_are_counted_by_target_and_outcome(
    loft: TargetUserRecord, make_due: MakeDue, counted: Callable[[], Samples]
) -> None:
    for title in ("a", "b", "retry", "fail", "fog"):
        make_due(loft, title=title)
    make_due(loft, title="late", expires_at=timezone.now() - timedelta(seconds=1))
    run()
    assert counted() == {
        "attempts_total{category=,outcome=delivered,target=Loft}": 2,
        "attempts_total{category=,outcome=retrying,target=Loft}": 2,
        "attempts_total{category=,outcome=failed,target=Loft}": 1,
        "not_attempted_total{category=,outcome=expired,target=Loft}": 1,
        "delivery_delay_seconds_count{target=Loft}": 2,
    }


@pytest.mark.parametrize(
    ("title", "outcome"), [("gone", "inactive"), ("stop", "opted_out"), ("forget", "retrying")]
)
def test_each_status_has_an_outcome(
    loft: TargetUserRecord,
    make_due: MakeDue,
    counted: Callable[[], Samples],
    title: str,
    outcome: str,
) -> None:
    make_due(loft, title=title)
    run()
    assert counted() == {f"attempts_total{{category=,outcome={outcome},target=Loft}}": 1}


def test_opted_out_users_are_no_attempts(
    email: TargetUserRecord, user: Any, make_due: MakeDue, counted: Callable[[], Samples]
) -> None:
    make_due(email)
    NotificationOptOut.objects.bulk_create([NotificationOptOut(user=user, active=True)])
    run()
    assert counted() == {"not_attempted_total{category=,outcome=opted_out,target=Email}": 1}


def test_the_delay_is_from_when_it_was_due(
    loft: TargetUserRecord, make_due: MakeDue, counted: Callable[[], Samples]
) -> None:
    make_due(loft, scheduled_delivery=timezone.now() - timedelta(hours=2))
    run()
    samples = samples_of(generate_latest(counting.registry).decode())
    assert samples["delivery_delay_seconds_sum{target=Loft}"] == pytest.approx(7200, abs=60)


def test_calls_of_every_built_in_provider_are_timed(
    records: dict[str, TargetUserRecord],
    make_due: MakeDue,
    providers: ProviderStandIn,
    mail_server: SmtpStandIn,
    counted: Callable[[], Samples],
) -> None:
    for record in records.values():
        make_due(record)
        make_due(record, title="The other")
    run()
    calls = {name: value for name, value in counted().items() if "call" in name}
    assert calls == {
        "provider_call_seconds_count{result=ok,target=Email}": 2,
        "provider_call_seconds_count{result=ok,target=Twilio}": 2,
        "provider_call_seconds_count{result=ok,target=Expo}": 1,  # both in one request
    }


def test_calls_that_fail_are_timed_apart(
    records: dict[str, TargetUserRecord],
    make_due: MakeDue,
    providers: ProviderStandIn,
    mail_server: SmtpStandIn,
    counted: Callable[[], Samples],
) -> None:
    mail_server.answer("RCPT", "550 5.7.1 Refused by policy")
    too_many = {"code": 20429, "message": "Too many", "status": 429}
    providers.answers.append(Answer(status=429, json=too_many))
    make_due(records["Email"])
    make_due(records["Twilio"])
    run()
    calls = {name: value for name, value in counted().items() if "call" in name}
    assert calls == {
        "provider_call_seconds_count{result=error,target=Email}": 1,
        "provider_call_seconds_count{result=error,target=Twilio}": 1,
    }


def test_what_breaks_while_counting_harms_no_delivery(
    loft: TargetUserRecord, make_due: MakeDue, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(observers.Observer):
        def __getattribute__(self, name: str) -> Any:
            if name in vars(observers.Observer) and not name.startswith("__"):
                raise RuntimeError("Out of paper.")
            return super().__getattribute__(name)

    broken = Broken()
    observers.add_observer(broken)
    try:
        notification = make_due(loft)
        run()
    finally:
        observers.remove_observer(broken)
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED
    assert "Broken failed to note that recorded." in caplog.text
