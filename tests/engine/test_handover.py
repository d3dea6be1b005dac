"""Batches that are claimed here and delivered elsewhere: by whom they reach first, and once."""

import json
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
from django.db import connection, connections
from django.utils import timezone

from django_notification_system.delivery.handover import (
    BatchMessage,
    HandOverFailed,
    Summary,
    claim_batches,
    claim_notifications,
    deliver_batch,
    find_engine,
    give_back,
    hand_over,
    hand_over_due,
    hand_over_next,
)
from django_notification_system.delivery.runs.run import Run
from django_notification_system.exceptions import NotificationSystemError, TargetUnavailable
from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.outcome import Outcome
from tests.conftest import MakeDue
from tests.support.handlers import freely
from tests.support.handlers import loft as loft_handler
from tests.support.runs import down, in_real_transactions, make_many, states


def titles(batch: BatchMessage) -> list[str]:
    rows = Notification.objects.filter(pk__in=batch.keys).order_by("scheduled_delivery")
    return list(rows.values_list("title", flat=True))


def free() -> int:
    return Notification.objects.pending().filter(claim_token=None).count()


def end_leases() -> None:
    past = timezone.now() - timedelta(seconds=1)
    Notification.objects.exclude(claim_token=None).update(claimed_until=past)


def as_sent(batch: BatchMessage) -> BatchMessage:
    """Return what a worker makes of a message."""
    return BatchMessage.from_dict(json.loads(json.dumps(batch.as_dict())))


def test_a_batch_is_claimed_here_and_delivered_there(
    record: TargetUserRecord, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 4}
    make_many(record, 10)
    batches = list(claim_batches())
    assert [batch.size for batch in batches] == [4, 4, 2]
    assert titles(batches[0]) == ["number 0", "number 1", "number 2", "number 3"]
    assert (batches[0].target, batches[0].module_name) == ("Freely", "freely")
    assert list(Run()) == []  # nothing is left for others
    for batch in batches:
        assert deliver_batch(as_sent(batch)) == Summary(batch.size, {"DELIVERED": batch.size})
    assert states(record) == {("DELIVERED", 0, None)}
    assert freely.taken == [4, 4, 2]


def test_a_message_holds_nothing_that_is_personal(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft, title="Your test result", body="Positive.")
    [batch] = claim_batches()
    message = json.dumps(batch.as_dict())
    for secret in ("test result", "Positive", loft.target_user_id, loft.user.username):
        assert secret not in message


def test_a_message_of_a_later_release_is_understood(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft)
    [batch] = claim_batches()
    assert BatchMessage.from_dict({**batch.as_dict(), "colour": "blue"}) == batch


def test_a_batch_that_comes_twice_is_delivered_once(record: TargetUserRecord) -> None:
    make_many(record, 3)
    [batch] = claim_batches()
    summaries: list[Summary] = []

    def twice(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        if not summaries:  # while the first is at work
            summaries.append(deliver_batch(batch))
        yield from freely.one_after_another(notifications)

    freely.behave = twice
    summaries.append(deliver_batch(batch))
    summaries.append(deliver_batch(batch))
    assert summaries == [Summary(), Summary(3, {"DELIVERED": 3}), Summary()]
    assert freely.taken == [3]


@in_real_transactions
@pytest.mark.skipif(connection.vendor == "sqlite", reason="one writer at a time, in memory")
def test_of_two_that_have_a_batch_at_once_one_delivers_it(record: TargetUserRecord) -> None:
    make_many(record, 100)
    [batch] = claim_batches()
    ready = threading.Barrier(4)
    taken: list[int] = []

    def deliver() -> None:
        try:
            ready.wait()
            taken.append(deliver_batch(batch).taken)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=deliver) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 100
    assert sum(freely.taken) == 100
    assert states(record) == {("DELIVERED", 0, None)}


def test_a_batch_whose_lease_has_ended_holds_nothing(record: TargetUserRecord) -> None:
    make_many(record, 3)
    [lost] = claim_batches()
    end_leases()
    assert deliver_batch(lost) == Summary()
    [again] = claim_batches()
    assert titles(again) == titles(lost)
    assert deliver_batch(lost) == Summary()
    assert give_back(lost) == 0
    assert deliver_batch(again).taken == 3


def test_a_batch_that_is_given_back_is_due_at_once(record: TargetUserRecord) -> None:
    make_many(record, 3)
    [batch] = claim_batches()
    assert give_back(batch) == 3
    assert states(record) == {("SCHEDULED", 0, None)}
    assert deliver_batch(batch) == Summary()
    assert len(list(Run())) == 3


def test_what_changed_while_a_batch_waited_counts(
    record: TargetUserRecord, loft: TargetUserRecord, make_due: MakeDue
) -> None:
    cancelled, put_off, goes = (make_due(record, title=title) for title in "abc")
    make_due(loft)
    batches = list(claim_batches())
    Notification.objects.filter(pk=cancelled.pk).update(status=Notification.CANCELLED)
    tomorrow = timezone.now() + timedelta(days=1)
    Notification.objects.filter(pk=put_off.pk).update(scheduled_delivery=tomorrow)
    TargetUserRecord.objects.filter(pk=loft.pk).update(active=False)
    summaries = {batch.target: deliver_batch(batch) for batch in batches}
    assert summaries == {
        "Freely": Summary(1, {"DELIVERED": 1}),
        "Loft": Summary(1, {"INACTIVE DEVICE": 1}),
    }
    goes.refresh_from_db()
    assert goes.status == Notification.DELIVERED
    assert loft_handler.flown == []


def test_what_has_moved_to_another_target_goes_to_that(
    record: TargetUserRecord, loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(record)
    [batch] = claim_batches()
    TargetUserRecord.objects.filter(pk=record.pk).update(target=loft.target)
    assert deliver_batch(batch).taken == 0
    [batch] = claim_batches()
    assert batch.target == "Loft"
    assert deliver_batch(batch).statuses == {"DELIVERED": 1}
    assert freely.taken == []


def test_a_million_due_for_one_target_keep_no_other_waiting(
    record: TargetUserRecord, loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 5}
    make_many(record, 50)
    make_due(loft)
    batches = claim_batches()
    assert {next(batches).target, next(batches).target} == {"Freely", "Loft"}
    # And nothing is claimed before somebody asks for it.
    assert free() == 45


def test_only_so_much_is_in_flight(record: TargetUserRecord, settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 5, "IN_FLIGHT": 3}
    make_many(record, 50)
    batches: list[BatchMessage] = []
    assert hand_over_due(batches.append) == 15
    assert hand_over_due(batches.append) == 0
    summary = deliver_batch(batches.pop(0))
    assert hand_over_next(batches[0], summary, batches.append) == 5
    assert hand_over_due(batches.append) == 0
    deliver_batch(batches.pop(0))
    end_leases()  # the other two were lost
    assert hand_over_due(batches.append) == 15
    assert free() == 50 - 10 - 15


def test_one_call_may_be_asked_for_fewer(record: TargetUserRecord, settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 5}
    make_many(record, 50)
    batches: list[BatchMessage] = []
    assert hand_over_due(batches.append, target_names=["freely"], most=1) == 5
    assert hand_over_due(batches.append, target_names=["Email"]) == 0
    with pytest.raises(NotificationSystemError, match="no target 'Emial'"):
        hand_over_due(batches.append, target_names=["Emial"])


@pytest.mark.parametrize("error", [ConnectionRefusedError("no broker"), KeyboardInterrupt()])
def test_a_broker_that_is_down_leaves_everything_due(
    record: TargetUserRecord, settings: Any, error: BaseException
) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 5}
    make_many(record, 50)
    sent: list[BatchMessage] = []

    def enqueue(batch: BatchMessage) -> None:
        if len(sent) == 2:
            raise error
        sent.append(batch)

    failed = HandOverFailed if isinstance(error, Exception) else KeyboardInterrupt
    with pytest.raises(failed) as raised:
        hand_over_due(enqueue)
    assert free() == 40
    if failed is HandOverFailed:
        assert "no broker" in str(raised.value)
        assert "'Freely'" in str(raised.value)


def test_an_error_that_quotes_the_brokers_address_is_not_repeated(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    def enqueue(batch: BatchMessage) -> None:
        urlsplit("redis://:s3cr/et@localhost").port  # noqa: B018 # as clients do

    make_due(loft)
    with pytest.raises(HandOverFailed, match=r"ValueError.*address right") as raised:
        hand_over_due(enqueue)
    assert "s3cr" not in "".join(traceback.format_exception(raised.value))


def test_after_a_batch_comes_the_next_unless_the_target_cannot_be_used(
    record: TargetUserRecord, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 5, "PAUSE_AFTER": 2}
    make_many(record, 50)
    batches: list[BatchMessage] = []
    hand_over_due(batches.append, most=1)
    assert hand_over_next(batches[0], Summary(), batches.append) == 0  # it came twice

    def refuse(batch: BatchMessage) -> None:
        raise ConnectionRefusedError("no broker")

    summary = deliver_batch(batches.pop())
    assert hand_over_next(as_next(record), summary, refuse) == 0
    assert "no broker" in caplog.text
    assert free() == 45
    hand_over_next(as_next(record), summary, batches.append)
    freely.behave = down
    summary = deliver_batch(batches[0])
    assert summary.problem is not None
    assert "is paused" in summary.problem
    assert hand_over_next(batches.pop(), summary, batches.append) == 0
    assert hand_over_due(batches.append) == 0
    assert states(record) == {("DELIVERED", 0, None), ("SCHEDULED", 0, None)}


def test_what_has_failed_is_not_tried_again_before_the_next_call(
    record: TargetUserRecord, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 2}
    make_many(record, 5)  # each to be tried again in the next run, without an interval

    def busy(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for notification in notifications:
            yield Outcome.retry(notification, "451 Try again later.")

    freely.behave = busy
    batches: list[BatchMessage] = []
    hand_over_due(batches.append, most=1)
    for batch in batches:  # which grows meanwhile
        hand_over_next(batch, deliver_batch(as_sent(batch)), batches.append)
    assert [batch.size for batch in batches] == [2, 2, 1]
    assert states(record) == {("RETRY", 1, None)}
    assert hand_over_due(batches.append) == 5


def test_a_host_whose_clock_is_behind_delivers_what_another_has_claimed(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    by_its_clock = timezone.now() + timedelta(seconds=30)
    make_due(loft, scheduled_delivery=by_its_clock)
    with patch("django.utils.timezone.now", return_value=by_its_clock):
        [batch] = claim_batches()
    assert deliver_batch(as_sent(batch)) == Summary(1, {"DELIVERED": 1})


def test_a_message_of_an_earlier_release_is_understood(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft)
    [batch] = claim_batches()
    message = batch.as_dict()
    del message["due_at"]
    assert deliver_batch(BatchMessage.from_dict(message)) == Summary(1, {"DELIVERED": 1})


def as_next(record: TargetUserRecord) -> BatchMessage:
    """Return a batch that is delivered, of which only the target counts."""
    target = record.target
    return BatchMessage("", target.name, "freely", str(target.pk), "default", ())


@pytest.mark.parametrize("is_refused", [False, True])
def test_what_keeps_a_target_from_being_used_is_logged_without_the_address(
    record: TargetUserRecord, caplog: pytest.LogCaptureFixture, is_refused: bool
) -> None:
    TargetUserRecord.objects.update(target_user_id="ham@example.com")
    make_many(record, 20)
    answer = "ham@example.com: 421 Closing."

    def away(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for notification in notifications:
            if is_refused:
                raise TargetUnavailable(answer)
            yield Outcome.retry(notification, answer, unreachable=True)

    freely.behave = away
    [batch] = claim_batches()
    problem = deliver_batch(batch).problem
    assert problem is not None
    assert "…: 421 Closing." in problem
    assert "421 Closing." in caplog.text
    assert "ham@example.com" not in caplog.text


def test_a_target_that_is_paused_meanwhile_gets_nothing(record: TargetUserRecord) -> None:
    make_many(record, 3)
    [batch] = claim_batches()
    record.target.paused_until = timezone.now() + timedelta(hours=1)
    record.target.save()
    summary = deliver_batch(batch)
    assert summary.taken == 0
    assert summary.problem is not None
    assert states(record) == {("SCHEDULED", 0, None)}
    assert list(claim_batches()) == []
    assert list(claim_notifications(Notification.objects.values_list("pk", flat=True))) == []


def test_a_target_that_cannot_be_used_gives_its_batch_back(
    record: TargetUserRecord, caplog: pytest.LogCaptureFixture
) -> None:
    make_many(record, 3)
    [batch] = claim_batches()

    def refuse(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        raise TargetUnavailable("Add the token.")

    freely.behave = refuse
    summary = deliver_batch(batch)
    assert summary.problem == "Add the token."
    assert "Add the token." in caplog.text
    assert states(record) == {("SCHEDULED", 0, None)}


def test_a_held_target_is_not_handed_over(record: TargetUserRecord, settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": {"email": "staging@example.com"}}
    make_many(record, 3)
    assert list(claim_batches()) == []
    assert list(claim_notifications(Notification.objects.values_list("pk", flat=True))) == []


def test_a_target_with_a_rate_gets_batches_that_its_rate_lets_through(
    record: TargetUserRecord, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"freely": {"rate": "2/s"}}
    make_many(record, 100)
    batches = list(claim_batches())
    assert [batch.size for batch in batches] == [10] * 6  # for five seconds each, and half a minute
    few = [*claim_notifications(Notification.objects.filter(claim_token=None).values("pk")[:0])]
    assert few == []
    keys = Notification.objects.filter(claim_token=None).values_list("pk", flat=True)
    assert [batch.size for batch in claim_notifications(keys[:15])] == [10, 5]


def test_the_rate_is_kept_when_batches_are_delivered(
    record: TargetUserRecord, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"freely": {"rate": "10/s"}}
    make_many(record, 8)
    [first] = claim_notifications(keys_of("number 0", "number 1"))
    [second] = claim_batches()
    began_at = timezone.now()
    assert deliver_batch(first).taken == 2
    # By the moments that are reserved: a busy machine may be late with anything.
    first_until = rate_reserved_until(record)
    assert first_until - began_at >= timedelta(seconds=0.19)  # SQLite knows milliseconds
    assert deliver_batch(second).taken == 6
    assert rate_reserved_until(record) - first_until >= timedelta(seconds=0.6)
    sent_second = Notification.objects.filter(pk__in=second.keys)
    moments = sent_second.order_by("attempted_delivery").values_list(
        "attempted_delivery", flat=True
    )
    for turn, moment in enumerate(moments):
        assert moment is not None
        assert moment - first_until >= timedelta(seconds=turn * 0.1 - 0.01)


def rate_reserved_until(record: TargetUserRecord) -> datetime:
    until = NotificationTarget.objects.get(pk=record.target_id).rate_reserved_until
    assert until is not None
    return until


def keys_of(*names: str) -> list[Any]:
    return list(Notification.objects.filter(title__in=names).values_list("pk", flat=True))


def test_just_these_are_claimed_as_far_as_they_are_due_and_free(
    record: TargetUserRecord, loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_many(record, 3)
    tomorrow = timezone.now() + timedelta(days=1)
    later = make_due(record, title="later", scheduled_delivery=tomorrow)
    done = make_due(record, title="done", status="DELIVERED", attempted_delivery=timezone.now())
    bird = make_due(loft)
    asked = [*keys_of("number 1"), later.pk, done.pk, bird.pk]
    batches = list(claim_notifications(asked))
    assert {batch.target: titles(batch) for batch in batches} == {
        "Freely": ["number 1"],
        "Loft": ["Test notification"],
    }
    assert list(claim_notifications(asked)) == []  # they are not free any more
    assert hand_over(batches, deliver_batch) == 2
    assert loft_handler.flown == ["Test notification"]
    assert sum(freely.taken) == 1


def test_of_very_many_at_once_the_next_run_takes_the_rest(
    record: TargetUserRecord, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 5, "IN_FLIGHT": 3}
    make_many(record, 50)
    batches = claim_notifications(Notification.objects.values_list("pk", flat=True))
    assert [batch.size for batch in batches] == [5, 5, 5]


def test_a_batch_is_stopped_when_its_time_is_over(record: TargetUserRecord) -> None:
    make_many(record, 50)
    [batch] = claim_batches()

    def slowly(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for notification in notifications:
            time.sleep(0.05)
            yield Outcome.delivered(notification, "Sent.")

    freely.behave = slowly
    summary = deliver_batch(batch, stop_after=0.3)
    assert 1 <= summary.statuses["DELIVERED"] <= 20
    assert free() == 50 - summary.statuses["DELIVERED"]
    assert summary.problem is None


def test_a_record_that_is_gone_with_its_target_is_no_error(record: TargetUserRecord) -> None:
    make_many(record, 3)
    [batch] = claim_batches()
    record.delete()
    NotificationTarget.objects.filter(name="Freely").delete()
    assert deliver_batch(batch) == Summary()


def test_the_engine_is_found_by_its_name(settings: Any) -> None:
    with pytest.raises(NotificationSystemError, match="names no task engine"):
        find_engine()
    settings.NOTIFICATION_SYSTEM = {"ENGINE": "tests.support.handlers.engine"}
    from tests.support.handlers import engine

    assert find_engine() is engine.enqueue
    settings.NOTIFICATION_SYSTEM = {"ENGINE": "tests.support.handlers.loft"}
    with pytest.raises(NotificationSystemError, match=r"no enqueue\(batch\)"):
        find_engine()
    settings.NOTIFICATION_SYSTEM = {"ENGINE": "tests.support.handlers.nothing"}
    with pytest.raises(NotificationSystemError, match="does not import"):
        find_engine()
