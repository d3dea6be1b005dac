"""Keys and digests in order of time, and repetitions of what had digests without order."""

import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from django_notification_system.models import (
    Notification,
    NotificationAttempt,
    NotificationOptOut,
    NotificationTarget,
    TargetUserRecord,
    keys,
)
from django_notification_system.models.digest import identity_of, notification_digest
from django_notification_system.models.keys import Counter, key_of, new_key

MOMENT = datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
#: A key as release 1.5.3 made keys.
RANDOM_KEY = uuid.UUID("6f1ed002-ab55-4d2f-8f4b-9c5f5a0e7d31")


@pytest.fixture
def old_record(records: dict[str, TargetUserRecord]) -> TargetUserRecord:
    """A record that was made before keys had an order."""
    record = records["Email"]
    TargetUserRecord.objects.filter(pk=record.pk).update(id=RANDOM_KEY)
    return TargetUserRecord.objects.get(pk=RANDOM_KEY)


@pytest.fixture
def fields(old_record: TargetUserRecord) -> dict[str, Any]:
    return {
        "target_user_record": old_record,
        "title": "Hello",
        "body": "World",
        "extra": {"a": 1},
        "status": Notification.SCHEDULED,
        "scheduled_delivery": MOMENT,
    }


def make_as_in_development(fields: dict[str, Any], **content: Any) -> Notification:
    """Make a row with the digest of a development version."""
    identity = identity_of(RANDOM_KEY, MOMENT, fields["title"], fields["extra"], **content)
    assert identity is not None
    row = Notification(**{**fields, "id": uuid.uuid4()})
    row.set_digest(identity.development_digest)
    row.save()
    return row


def milliseconds_of(key: uuid.UUID) -> int:
    return key.int >> 80


# Keys


@pytest.mark.parametrize(
    "model",
    [
        Notification,
        NotificationAttempt,
        NotificationOptOut,
        NotificationTarget,
        TargetUserRecord,
    ],
)
def test_a_new_row_gets_a_key_of_its_moment(model: Any) -> None:
    before = time.time_ns() // 1_000_000
    key = model().pk
    assert (key.version, key.variant) == (7, uuid.RFC_4122)
    assert before <= milliseconds_of(key) <= time.time_ns() // 1_000_000 + 1


def test_keys_rise_within_a_millisecond() -> None:
    made = [new_key() for _ in range(50_000)]
    assert len({milliseconds_of(key) for key in made}) < len(made)
    assert made == sorted(set(made))
    assert [key.hex for key in made] == sorted(key.hex for key in made)


def test_keys_of_several_threads_rise_in_each_and_never_repeat() -> None:
    def make(_: int) -> list[uuid.UUID]:
        return [new_key() for _ in range(5000)]

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(make, range(8)))
    assert all(each == sorted(each) for each in made)
    assert len({key for each in made for key in each}) == 40_000


def test_the_counter_goes_on_where_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([2_000_000_000, 2_000_000_000, 1_000_000_000, 3_000_000_000])
    monkeypatch.setattr(keys.time, "time_ns", lambda: next(moments))
    counter = Counter()
    (_, first), *others = [counter.next() for _ in range(4)]
    assert others[:2] == [(2000, first + 1), (2000, first + 2)]
    assert others[2][0] == 3000
    assert first.bit_length() < 42  # so many more fit into the millisecond


def test_the_rest_of_a_key_cannot_be_guessed() -> None:
    made = [new_key() for _ in range(2000)]
    assert len({key.int & 0xFFFF_FFFF for key in made}) > 1990
    firsts = {milliseconds_of(key): key.int >> 32 & 0xFFFF_FFFF for key in reversed(made)}
    assert len(set(firsts.values())) == len(firsts)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_child_makes_keys_while_the_parent_holds_the_lock() -> None:
    counter = keys._counter
    with counter._lock:
        child = os.fork()
        if not child:
            os._exit(0 if new_key() else 1)
        ended = wait_for(child)
    assert ended == (child, 0)


def wait_for(child: int) -> tuple[int, int]:
    for _ in range(100):
        ended = os.waitpid(child, os.WNOHANG)
        if ended[0]:
            return ended
        time.sleep(0.05)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return child, -1


# Keys that begin with a moment


def test_the_key_of_a_moment_is_always_the_same() -> None:
    key = key_of(MOMENT, bytes(range(16)))
    assert key == uuid.UUID("70dd5525-0405-8607-a809-0a0b0c0d0e0f")
    assert key == key_of(MOMENT.replace(tzinfo=None), bytes(range(16)))
    assert (key.version, key.variant) == (8, uuid.RFC_4122)


def test_keys_of_moments_are_in_their_order() -> None:
    hashes = [bytes([255 - each]) * 16 for each in range(200)]
    made = [key_of(MOMENT + timedelta(seconds=n), hashed) for n, hashed in enumerate(hashes)]
    assert made == sorted(made)


@pytest.mark.parametrize("year", [1, 1969, 2106, 2107, 9999])
def test_a_moment_far_away_has_a_key(year: int) -> None:
    assert key_of(datetime(year, 12, 31, tzinfo=UTC), bytes(16)).version == 8


@pytest.mark.django_db
def test_the_database_takes_each_key_of_a_moment(records: Any) -> None:
    """MariaDB judges the bits of version and variant."""
    made = {key_of(MOMENT, bytes([0] * 8 + [variant] + [0] * 7)) for variant in range(256)}
    made |= {key_of(MOMENT, bytes([version] * 8 + [0] * 8)) for version in range(256)}
    for key in made:
        row = Notification(target_user_record=records["Email"], scheduled_delivery=MOMENT, id=key)
        row.set_digest(key)
        row.save()
    assert set(Notification.objects.values_list("id", flat=True)) == made


# Digests


def test_the_digest_of_the_same_values_never_changes() -> None:
    """A digest that came out otherwise would recognise no repetition of a stored row."""
    of_row = identity_of(RANDOM_KEY, MOMENT, "Hello", {"a": 1})
    of_creator = identity_of(RANDOM_KEY, MOMENT, "Hello", {"a": 1}, body="World")
    of_key = identity_of(RANDOM_KEY, MOMENT, "Hello", {"a": 1}, body="World", idempotency_key="k")
    assert of_row is not None
    assert of_creator is not None
    assert of_key is not None
    assert [str(each) for each in of_row.digests()] == [
        "70dd5525-ab77-81e8-ba38-91c88eff3415",
        "a638f63a-ab77-51e8-ba38-91c88eff3415",  # as development versions made it
    ]
    assert [str(each) for each in of_creator.digests()] == [
        "70dd5525-c679-88f2-bf7e-cc1b3f38a1a6",
        "cba2a24b-c679-58f2-bf7e-cc1b3f38a1a6",
    ]
    assert [str(each) for each in of_key.digests()] == ["d3fb2cd9-8a96-59fa-9d0e-e746555e4494"]
    assert notification_digest(RANDOM_KEY, MOMENT, "Hello", {"a": 1}) == of_row.digest


@pytest.mark.django_db
def test_the_database_keeps_the_order_of_keys_and_digests(records: Any) -> None:
    """Also beside random ones, which MariaDB keeps in another order of their bytes."""
    for number in (3, 1, 2):
        Notification.objects.create(
            target_user_record=records["Email"],
            title=str(number),
            scheduled_delivery=MOMENT + timedelta(seconds=number),
        )
        Notification.objects.create(
            id=uuid.uuid4(),
            target_user_record=records["Email"],
            title="random",
            scheduled_delivery=MOMENT,
            idempotency_key=str(number),
        )
    ordered = Notification.objects.exclude(title="random")
    assert list(ordered.order_by("digest").values_list("title", flat=True)) == ["1", "2", "3"]
    assert list(ordered.order_by("id").values_list("title", flat=True)) == ["3", "1", "2"]


# Repetitions of what a development version made


def save(fields: dict[str, Any]) -> None:
    Notification(**fields).save()


def create(fields: dict[str, Any]) -> None:
    Notification.objects.create(**fields)


def create_in_bulk(fields: dict[str, Any]) -> None:
    Notification.objects.bulk_create([Notification(**fields)])


@pytest.mark.django_db
@pytest.mark.parametrize("make", [save, create, create_in_bulk])
def test_a_repetition_of_a_development_versions_row_is_refused(make: Any, fields: Any) -> None:
    make_as_in_development(fields)
    with pytest.raises(IntegrityError), transaction.atomic():
        make(fields)
    make({**fields, "title": "Another"})
    assert Notification.objects.count() == 2


@pytest.mark.django_db
def test_a_refused_repetition_can_be_saved_at_another_moment(fields: Any) -> None:
    make_as_in_development(fields)
    notification = Notification(**fields)
    with pytest.raises(IntegrityError), transaction.atomic():
        notification.save()
    notification.scheduled_delivery = MOMENT + timedelta(days=7)
    notification.save()
    assert notification.digest == notification.make_digest()


@pytest.mark.django_db
def test_in_bulk_the_others_are_made(fields: Any) -> None:
    made = make_as_in_development(fields)
    titles = ["Hello", *(f"Number {number}" for number in range(2000))]
    Notification.objects.bulk_create(
        (Notification(**{**fields, "title": title}) for title in titles), ignore_conflicts=True
    )
    assert Notification.objects.get(title="Hello") == made
    assert Notification.objects.count() == 2001


@pytest.mark.django_db
def test_a_form_refuses_a_repetition_of_a_development_versions_row(fields: Any) -> None:
    make_as_in_development(fields)
    with pytest.raises(ValidationError, match="already exists for this record and moment"):
        Notification(**fields).full_clean()


@pytest.mark.django_db
def test_get_or_create_finds_a_development_versions_row_that_was_moved(fields: Any) -> None:
    made = make_as_in_development(fields)
    Notification.objects.update(scheduled_delivery=MOMENT + timedelta(days=1))
    lookup = {name: fields[name] for name in ("target_user_record", "title", "extra")}
    found = Notification.objects.get_or_create(
        **lookup, scheduled_delivery=MOMENT, defaults={"body": "World"}
    )
    assert found == (made, False)


@pytest.mark.django_db
def test_a_development_versions_row_keeps_its_digest(fields: Any) -> None:
    made = make_as_in_development(fields)
    row = Notification.objects.get()
    row.status = Notification.CANCELLED
    row.save()
    assert Notification.objects.get().digest == made.digest


@pytest.mark.django_db
def test_a_record_with_a_key_in_order_costs_no_query_more(fields: Any, records: Any) -> None:
    """No development version has known the record."""
    counts = []
    for record in (records["Expo"], fields["target_user_record"]):
        with CaptureQueriesContext(connection) as queries:
            create({**fields, "target_user_record": record})
        counts.append(sum(query["sql"].startswith("SELECT") for query in queries))
    assert counts == [0, 1]
