"""Where the first addresses of a run are all refused alike, the target stops; on real sockets."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from django_notification_system.delivery.handlers.all_alike import (
    MOST_KEPT_BACK,
    RECORDS,
    stopping_when_all_alike,
)
from django_notification_system.exceptions import TargetUnavailable
from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
from django_notification_system.outcome import Outcome, OutcomeKind
from django_notification_system.testing.providers import (
    Answer,
    ProviderStandIn,
    ReceivedRequest,
)
from tests.conftest import MakeDue
from tests.support.expo_support import configure as configure_expo
from tests.support.provider_support import Process, refused
from tests.support.twilio_support import configure as configure_twilio
from tests.support.twilio_support import refusal

NO_NUMBER = refusal(400, 21211, "The 'To' number is not a valid phone number.")
Refuses = Callable[[str], bool]


def people(target_name: str, address: Callable[[int], str], number: int) -> list[TargetUserRecord]:
    """Make records in a target, each of another user."""
    target = NotificationTarget.objects.get(name=target_name)
    users = [get_user_model()(username=f"person-{each:03}") for each in range(number)]
    get_user_model().objects.bulk_create(users)
    users = sorted(
        get_user_model().objects.filter(username__startswith="person-"),
        key=lambda person: person.username,
    )
    return TargetUserRecord.objects.bulk_create(
        TargetUserRecord(
            user=user, target=target, target_user_id=address(each), description="Person"
        )
        for each, user in enumerate(users)
    )


def phone(number: int) -> str:
    return f"+1500555{1000 + number}"


def token(number: int) -> str:
    return f"ExponentPushToken[person-{number:03}]"


def refusing_tokens(refuses: Refuses) -> Callable[[ReceivedRequest], Answer]:
    def answer(request: ReceivedRequest) -> Answer:
        said = json.loads(request.body)
        messages = said if isinstance(said, list) else [said]
        gone = {
            "status": "error",
            "message": "Not a registered push notification recipient.",
            "details": {"error": "DeviceNotRegistered"},
        }
        tickets = [
            gone if refuses(message["to"]) else {"status": "ok", "id": f"ticket-{number}"}
            for number, message in enumerate(messages)
        ]
        return Answer(status=200, json={"data": tickets})

    return answer


def counts() -> tuple[dict[str, int], int]:
    """Return how many notifications have which status, and how many records are off."""
    found = list(Notification.objects.values_list("status", flat=True))
    off = TargetUserRecord.objects.filter(active=False).count()
    return {status: found.count(status) for status in sorted(set(found))}, off


@pytest.mark.django_db
def test_hard_bounces_are_not_counted_either(
    providers: ProviderStandIn, process: Process, make_due: MakeDue
) -> None:
    for record in people("Twilio", lambda number: f"whatsapp:{phone(number)}", 25):
        make_due(record)
    providers.on_request = refused(refusal(400, 63003, "Channel could not find To address"))
    process()
    found, off = counts()
    assert off == 0
    assert "INACTIVE DEVICE" not in found
    assert set(TargetUserRecord.objects.values_list("hard_bounces", flat=True)) == {0}
    # Of fewer, each counts.
    Notification.objects.exclude(status="RETRY").delete()
    TargetUserRecord.objects.filter(notifications=None).delete()
    Notification.objects.all().delete()
    for record in TargetUserRecord.objects.all()[:5]:
        make_due(record)
    process()
    assert TargetUserRecord.objects.filter(hard_bounces=1, active=False).count() == 5


@pytest.mark.django_db
def test_text_messages_stop_and_no_record_is_switched_off(
    providers: ProviderStandIn, process: Process, make_due: MakeDue, settings: Any
) -> None:
    configure_twilio(settings, connections=5)
    for record in people("Twilio", phone, 60):
        make_due(record)
    providers.on_request = refused(NO_NUMBER)
    printed = process()
    found, off = counts()
    assert off == 0
    assert set(found) == {"RETRY", "SCHEDULED"}
    # What was on its way over other connections is tried again, too.
    assert RECORDS <= found["RETRY"] < RECORDS + 20
    assert "The first 20 addresses are all refused alike, and no record was switched off" in printed
    assert "telephone numbers with the country's code" in printed
    waiting = Notification.objects.filter(status="RETRY").first()
    assert waiting is not None
    assert waiting.retry_attempts == 1
    assert "not a valid phone number" in waiting.response


@pytest.mark.django_db
def test_push_messages_stop_and_no_record_is_switched_off(
    providers: ProviderStandIn, process: Process, make_due: MakeDue
) -> None:
    for record in people("Expo", token, 30):
        make_due(record)
    providers.on_request = refusing_tokens(lambda to: True)
    printed = process()
    assert counts() == ({"RETRY": 30}, 0)
    assert "push tokens are those of this Expo project's app" in printed


@pytest.mark.django_db
@pytest.mark.parametrize("well", [0, 7, 19])
def test_one_message_that_is_taken_lets_the_refusals_count(
    providers: ProviderStandIn, process: Process, make_due: MakeDue, settings: Any, well: int
) -> None:
    configure_expo(settings, connections=1)
    for record in people("Expo", token, 30):
        make_due(record)
    providers.on_request = refusing_tokens(lambda to: to != token(well))
    process()
    assert counts() == ({"DELIVERED": 1, "INACTIVE DEVICE": 29}, 29)


@pytest.mark.django_db
def test_fewer_than_twenty_addresses_say_nothing_of_the_settings(
    providers: ProviderStandIn, process: Process, make_due: MakeDue, settings: Any
) -> None:
    configure_twilio(settings, connections=3)
    for record in people("Twilio", phone, RECORDS - 1):
        make_due(record)
    providers.on_request = refused(NO_NUMBER)
    process()
    assert counts() == ({"INACTIVE DEVICE": 19}, 19)


@pytest.mark.django_db
def test_many_messages_to_few_addresses_are_no_proof_in_a_run_either(
    providers: ProviderStandIn, process: Process, make_due: MakeDue, settings: Any
) -> None:
    configure_twilio(settings, connections=4)
    records = people("Twilio", phone, 3)
    for number in range(120):
        make_due(records[number % 3], title=f"Message {number}")
    providers.on_request = refused(NO_NUMBER)
    printed = process()
    found, off = counts()
    assert (found, off) == ({"INACTIVE DEVICE": 120}, 3)
    assert "all refused alike" not in printed


@pytest.mark.django_db
def test_a_target_that_was_paused_tries_one_and_lets_it_count(
    providers: ProviderStandIn, process: Process, make_due: MakeDue
) -> None:
    NotificationTarget.objects.filter(name="Twilio").update(paused_until=timezone.now())
    for record in people("Twilio", phone, 3):
        make_due(record)
    providers.on_request = refused(NO_NUMBER)
    process()
    assert counts() == ({"INACTIVE DEVICE": 3}, 3)


@pytest.mark.django_db
def test_once_the_settings_are_right_everything_goes_out(
    providers: ProviderStandIn, process: Process, make_due: MakeDue
) -> None:
    for record in people("Expo", token, 40):
        make_due(record, retry_time_interval=0)
    providers.on_request = refusing_tokens(lambda to: True)
    process()
    providers.on_request = None
    process()
    assert counts() == ({"DELIVERED": 40}, 0)


@pytest.mark.django_db
def test_what_a_stopped_run_has_left_switches_no_record_off_either(
    providers: ProviderStandIn, process: Process, make_due: MakeDue, settings: Any
) -> None:
    configure_twilio(settings, connections=1)
    for record in people("Twilio", phone, 30):
        make_due(record, retry_time_interval=60)
    providers.on_request = refused(NO_NUMBER)
    process()
    assert counts() == ({"RETRY": RECORDS, "SCHEDULED": 10}, 0)
    process()  # fewer than are needed for a judgement
    assert counts() == ({"RETRY": 30}, 0)
    advice = "telephone numbers with the country's code"
    assert Notification.objects.filter(response__contains=advice).count() == 30


@pytest.mark.django_db
def test_after_a_judgement_a_dead_address_still_counts_beside_a_good_one(
    providers: ProviderStandIn, process: Process, make_due: MakeDue, settings: Any
) -> None:
    configure_expo(settings, connections=1)
    records = people("Expo", token, 22)
    for record in records[:20]:
        make_due(record, retry_time_interval=60)
    providers.on_request = refusing_tokens(lambda to: True)
    process()
    assert counts() == ({"RETRY": 20}, 0)
    for record in records[20:]:
        make_due(record)
    providers.on_request = refusing_tokens(lambda to: to != token(21))
    process()
    assert counts() == ({"DELIVERED": 1, "INACTIVE DEVICE": 1, "RETRY": 20}, 1)


def receipts_of(refuses: Refuses) -> Callable[[ReceivedRequest], Answer | None]:
    """Answer questions for receipts: the name of a message is the number of its device."""

    def answer(request: ReceivedRequest) -> Answer | None:
        if not request.path.endswith("/getReceipts"):
            tickets = [{"status": "ok", "id": message["to"]} for message in request.json()]
            return Answer(status=200, json={"data": tickets})
        error = {"details": {"error": "DeviceNotRegistered"}, "message": "Gone."}
        gone = {"status": "error", **error}
        found = {
            each: gone if refuses(each) else {"status": "ok"} for each in request.json()["ids"]
        }
        return Answer(status=200, json={"data": found})

    return answer


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("number", "well", "status", "off"),
    [
        (25, None, "DELIVERY FAILURE", 0),
        (25, 12, "INACTIVE DEVICE", 24),
        (RECORDS - 1, None, "INACTIVE DEVICE", RECORDS - 1),
    ],
)
def test_receipts_that_are_all_alike_switch_no_record_off(
    providers: ProviderStandIn,
    process: Process,
    make_due: MakeDue,
    settings: Any,
    number: int,
    well: int | None,
    status: str,
    off: int,
) -> None:
    configure_expo(settings, receipts_after=0)
    for record in people("Expo", token, number):
        make_due(record)
    providers.on_request = receipts_of(lambda to: well is None or to != token(well))
    printed = process() + process()
    others = 0 if well is None else 1
    expected = {"DELIVERED": others} if others else {}
    assert counts() == ({**expected, status: number - others}, off)
    is_told = "credentials for Apple and Google are those of this app" in printed
    assert is_told is (off == 0)
    assert not Notification.objects.exclude(receipt_due_at=None).exists()


# The helper alone


class Phone:
    """A handler that refuses as a test says."""

    def __init__(self, *kinds: str) -> None:
        self.kinds = iter(kinds)
        self.taken = 0

    def deliver(self, notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for notification in notifications:
            self.taken += 1
            match next(self.kinds, "delivered"):
                case "delivered":
                    yield Outcome.delivered(notification, "Rang.")
                case "busy":
                    yield Outcome.busy(notification, "Engaged.")
                case "too long":
                    yield Outcome.failed(notification, "Too long.")
                case kind:
                    yield Outcome.failed(
                        notification, "Refused.", deactivate_record=True, if_all_alike=kind
                    )


def messages(number: int, of_records: int | None = None) -> list[Notification]:
    records = [TargetUserRecord() for _ in range(of_records or number)]
    return [Notification(target_user_record=records[each % len(records)]) for each in range(number)]


def kinds(outcomes: Iterable[Outcome]) -> list[OutcomeKind]:
    return [outcome.result for outcome in outcomes]


def test_messages_to_few_records_are_no_proof_however_many_they_are() -> None:
    phone = Phone(*["gone"] * 300)
    deliver = stopping_when_all_alike(phone.deliver)
    outcomes = list(deliver(messages(300, of_records=3)))
    assert kinds(outcomes) == [OutcomeKind.FAILED] * 300


def test_no_more_than_a_hundred_are_kept_back() -> None:
    phone = Phone(*["gone"] * 300)
    outcomes = stopping_when_all_alike(phone.deliver)(messages(300, of_records=3))
    next(outcomes)
    assert phone.taken == MOST_KEPT_BACK


def test_what_says_nothing_of_the_address_changes_nothing() -> None:
    said = ["gone"] * 10 + ["busy", "too long"] + ["gone"] * 10
    outcomes = stopping_when_all_alike(Phone(*said).deliver)(messages(40))
    told: list[Outcome] = []
    with pytest.raises(TargetUnavailable, match="gone"):
        told.extend(outcomes)
    assert [outcome.response for outcome in told[:2]] == ["Engaged.", "Too long."]
    assert kinds(told[2:]) == [OutcomeKind.RETRY] * 20
    assert not any(outcome.deactivate_record for outcome in told)


def test_two_kinds_of_refusal_are_not_alike() -> None:
    said = ["gone"] * 10 + ["landline"] + ["gone"] * 20
    outcomes = list(stopping_when_all_alike(Phone(*said).deliver)(messages(31)))
    assert kinds(outcomes) == [OutcomeKind.FAILED] * 31


def test_the_calls_of_a_run_count_together() -> None:
    deliver = stopping_when_all_alike(Phone(*["gone"] * 40).deliver)
    assert kinds(deliver(messages(15))) == [OutcomeKind.FAILED] * 15
    with pytest.raises(TargetUnavailable):
        list(deliver(messages(15)))


def test_a_handler_that_fails_loses_no_answer() -> None:
    def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        yield from Phone("gone").deliver(notifications)
        raise RuntimeError("the line is dead")

    told: list[Outcome] = []
    with pytest.raises(RuntimeError):
        told.extend(stopping_when_all_alike(deliver)(messages(1)))
    assert kinds(told) == [OutcomeKind.FAILED]
