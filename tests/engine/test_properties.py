"""What holds whatever happens: for any sequence of faults and kills."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_handlers.base import TargetUnavailable
from django_notification_system.outcome import Outcome
from tests.nightly import NIGHTLY
from tests.support.handlers import freely

pytestmark = pytest.mark.django_db

#: More runs than these notifications can need, however they fail.
MOST_RUNS = 40
#: What a provider, a handler or the machine may do with one notification.
FAULTS = (
    "deliver",
    "retry",
    "fail",
    "unknown",
    "unreachable",
    "wrong address",
    "wants no more",
    "raise",
    "forget",
    "twice",
    "unavailable",
    "kill before",
    "kill after",
)


@dataclass
class World:
    """The providers, and what is left of the machine.

    Attributes:
        faults: What happens next, and next; when they are used up, all goes well.
        accepted: The titles that the provider has taken, as often as it has.
        unknown: How often nobody could know whether it had.
        kills: How often the machine was killed.
        survives: What the database held when it was killed in the present run.
    """

    faults: list[str]
    run: Run | None = None
    accepted: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    survives: "list[dict[str, Any]] | None" = None

    def deliver(self, notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for notification in notifications:
            if self.survives is not None:
                return  # nobody is there any more
            yield from self.deliver_one(notification)

    def deliver_one(self, notification: Notification) -> Iterator[Outcome]:
        title = notification.title
        status = Notification.objects.values_list("status", flat=True).get(pk=notification.pk)
        assert status in Notification.PENDING_STATUSES, f"{title} was sent after {status}"
        match self.faults.pop(0) if self.faults else "deliver":
            case "deliver":
                self.accepted[title] += 1
                yield Outcome.delivered(notification, "Sent.")
            case "retry":
                yield Outcome.retry(notification, "Later.")
            case "fail":
                yield Outcome.failed(notification, "Never.")
            case "unknown":
                self.accepted[title] += 1
                self.unknown[title] += 1
                yield Outcome.unknown(notification, "Who knows.")
            case "unreachable":
                yield Outcome.retry(notification, "Nobody there.", unreachable=True)
            case "wrong address":
                yield Outcome.failed(notification, "Gone.", deactivate_record=True)
            case "wants no more":
                yield Outcome.failed(notification, "Stop.", opt_out=True)
            case "raise":
                raise RuntimeError("a fault")
            case "forget":
                pass
            case "twice":
                self.accepted[title] += 1
                yield Outcome.delivered(notification, "Sent.")
                yield Outcome.retry(notification, "And then again not.")
            case "unavailable":
                raise TargetUnavailable("Closed.")
            case "kill before":
                self.kill()
            case "kill after":
                self.accepted[title] += 1
                self.kill()

    def kill(self) -> None:
        """Remember what the database holds this very moment: it is what a killed run leaves."""
        self.kills += 1
        self.survives = [*Notification.objects.values(), *TargetUserRecord.objects.values()]
        assert self.run is not None
        self.run.stop()

    def go_on(self) -> None:
        """Do a run; after a kill, put the database back to that moment, and let leases end."""
        freely.behave = self.deliver
        self.survives = None
        self.run = Run()
        list(self.run)
        for row in self.survives or ():
            model = Notification if "title" in row else TargetUserRecord
            model._base_manager.filter(pk=row["id"]).update(**row)
        past = timezone.now() - timedelta(hours=1)
        Notification.objects.filter(claimed_until__isnull=False).update(claimed_until=past)
        Notification.objects.filter(status__in=Notification.PENDING_STATUSES).update(
            scheduled_delivery=past
        )
        NotificationTarget.objects.update(paused_until=None)


@pytest.fixture
def records(django_user_model: Any, settings: Any) -> Iterator[list[TargetUserRecord]]:
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers"]
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 3, "RECORD_EVERY": 2, "PAUSE_AFTER": 2}
    target = NotificationTarget.objects.create(name="Freely", notification_module_name="freely")
    yield [
        TargetUserRecord.objects.create(
            user=django_user_model.objects.create(username=f"user {number}"),
            target=target,
            target_user_id=f"address {number}",
        )
        for number in range(5)
    ]
    freely.behave = freely.one_after_another


@example(faults=[*FAULTS], max_retries=1)
@example(faults=[*reversed(FAULTS)], max_retries=4)
@hypothesis_settings(
    max_examples=200 if NIGHTLY else 25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    faults=st.lists(st.sampled_from(FAULTS), max_size=25),
    max_retries=st.integers(min_value=0, max_value=4),
)
def test_nothing_is_lost_or_sent_after_it_was_delivered(
    faults: list[str], max_retries: int, records: list[TargetUserRecord]
) -> None:
    with transaction.atomic():
        world = World(list(faults))
        start = timezone.now() - timedelta(hours=2)
        for number, record in enumerate(records):
            Notification.objects.create(
                target_user_record=record,
                title=f"number {number}",
                status=Notification.SCHEDULED,
                scheduled_delivery=start + timedelta(seconds=number),
                max_retries=max_retries,
            )
        for _ in range(MOST_RUNS):
            world.go_on()
            check_attempts(max_retries)
            if not Notification.objects.filter(status__in=Notification.PENDING_STATUSES).exists():
                break
        check_ends(world)
        transaction.set_rollback(True)


def check_attempts(max_retries: int) -> None:
    for notification in Notification.objects.all():
        assert notification.retry_attempts <= max(max_retries, 1)
        if notification.status == Notification.RETRY:
            assert notification.retry_attempts < max_retries


def check_ends(world: World) -> None:
    """Each is there, has an end, and its end is true; none was sent again without a reason."""
    rows = list(Notification.objects.all())
    assert len(rows) == 5
    for notification in rows:
        title, times = notification.title, world.accepted[notification.title]
        assert notification.status not in Notification.PENDING_STATUSES, title
        assert notification.claim_token is None
        assert notification.status != Notification.DELIVERED or times >= 1
        assert times <= 1 + world.unknown[title] + world.kills
