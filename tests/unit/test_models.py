"""Notifications as rows: what is the same one, what is refused, what a failed attempt changes."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext, isolate_apps
from django.utils import timezone

from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    NotificationTarget,
    TargetUserRecord,
    UserInNotificationTarget,
)
from tests.conftest import MakeDue

MOMENT = datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@pytest.fixture
def record(records: dict[str, TargetUserRecord]) -> TargetUserRecord:
    return records["Email"]


@pytest.fixture
def fields(record: TargetUserRecord) -> dict[str, Any]:
    return {
        "target_user_record": record,
        "title": "Hello",
        "body": "World",
        "status": Notification.SCHEDULED,
        "scheduled_delivery": MOMENT,
    }


def refused(fields: dict[str, Any], **others: Any) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Notification.objects.create(**{**fields, **others})


# The columns of an insert in bulk

FILLED_IN = ("category", "expires_at", "claim_token", "claimed_until", "response", "confirmed_at")


def columns_of_insert(rows: list[Notification]) -> str:
    with CaptureQueriesContext(connection) as captured:
        Notification.objects.bulk_create(rows)
    (insert,) = [query["sql"] for query in captured if query["sql"].startswith("INSERT")]
    return insert[: insert.index(")")]


def assert_stored(rows: list[Notification]) -> None:
    names = [field.attname for field in Notification._meta.concrete_fields]
    stored = Notification.objects.in_bulk([row.pk for row in rows])
    for row in rows:
        assert {name: getattr(stored[row.pk], name) for name in names} == {
            name: getattr(row, name) for name in names
        }


def test_bulk_insert_leaves_out_what_the_database_fills_in(fields: Any) -> None:
    rows = [Notification(**{**fields, "title": title}) for title in ("One", "Two")]
    columns = columns_of_insert(rows)
    assert not [name for name in FILLED_IN if name in columns]
    assert all(name in columns for name in ("title", "digest", "target_id", "created_date"))
    assert_stored(rows)


def test_bulk_insert_has_a_column_where_one_row_differs(fields: Any) -> None:
    token = uuid.uuid4()
    given: list[dict[str, Any]] = [
        {},
        {"category": "news", "expires_at": MOMENT + timedelta(days=1)},
        {"claim_token": token, "claimed_until": MOMENT, "response": "Claimed."},
        {"confirmed_at": MOMENT, "priority": 9, "idempotency_key": ""},
    ]
    rows = [
        Notification(**{**fields, **others, "title": f"Number {number}"})
        for number, others in enumerate(given)
    ]
    columns = columns_of_insert(rows)
    assert all(name in columns for name in FILLED_IN)
    assert_stored(rows)


# The digest


def test_every_way_of_making_one_makes_the_same_digest(fields: Any) -> None:
    digests = set()
    saved = Notification(**fields)
    saved.save()
    digests.add(saved.digest)
    Notification.objects.all().delete()
    digests.add(Notification.objects.create(**fields).digest)
    Notification.objects.all().delete()
    Notification.objects.bulk_create([Notification(**fields)])
    digests.add(Notification.objects.get().digest)
    Notification.objects.all().delete()
    digests.add(Notification.objects.get_or_create(**fields)[0].digest)
    assert len(digests) == 1
    assert isinstance(digests.pop(), uuid.UUID)
    assert Notification.objects.get().digest == saved.digest


def copy_as_django_documents(notification: Notification) -> Notification:
    """https://docs.djangoproject.com/en/stable/topics/db/queries/#copying-model-instances"""
    notification.pk = None
    notification._state.adding = True
    return notification


def copy_without_a_word(notification: Notification) -> Notification:
    notification.pk = None
    return notification


@pytest.mark.parametrize("cleaned", [True, False], ids=["cleaned", "unseen"])
@pytest.mark.parametrize("read", [True, False], ids=["read", "made"])
@pytest.mark.parametrize("copied", [copy_as_django_documents, copy_without_a_word])
def test_a_copy_has_a_digest_of_its_own(
    copied: Callable[[Notification], Notification], read: bool, cleaned: bool, fields: Any
) -> None:
    notification = Notification.objects.create(**fields)
    if read:
        notification = Notification.objects.get()
    original = notification.digest
    copy = copied(notification)
    copy.scheduled_delivery = MOMENT + timedelta(days=7)
    if cleaned:
        copy.full_clean()
    copy.save()
    assert Notification.objects.count() == 2
    again = Notification.objects.get(scheduled_delivery=copy.scheduled_delivery)
    assert again.digest == again.make_digest() != original


def test_a_copy_that_changes_nothing_is_refused(fields: Any) -> None:
    Notification.objects.create(**fields)
    copy = copy_as_django_documents(Notification.objects.get())
    said = errors(copy)
    assert said == {
        "__all__": [
            "A notification with this title and extra already exists for this record and moment."
        ]
    }
    with pytest.raises(IntegrityError), transaction.atomic():
        copy.save()


def test_what_was_refused_can_be_saved_at_another_moment(fields: Any) -> None:
    Notification.objects.create(**fields)
    notification = Notification(**fields)
    with pytest.raises(IntegrityError), transaction.atomic():
        notification.save()
    notification.scheduled_delivery = MOMENT + timedelta(days=7)
    notification.save()
    assert Notification.objects.count() == 2


def test_a_row_that_moves_to_another_database_keeps_its_digest(fields: Any) -> None:
    """It has been retried: other rows may have the moment that it has now."""
    Notification.objects.create(**fields)
    Notification.objects.update(scheduled_delivery=MOMENT + timedelta(days=1))
    rows = list(Notification.objects.all())
    Notification.objects.all().delete()
    Notification.objects.bulk_create(rows)
    assert Notification.objects.get().digest == Notification(**fields).make_digest()


def test_a_fixture_keeps_the_digest(fields: Any, tmp_path: Path) -> None:
    Notification.objects.create(**fields)
    Notification.objects.update(scheduled_delivery=MOMENT + timedelta(days=1))
    fixture = tmp_path / "notifications.json"
    call_command("dumpdata", "django_notification_system.notification", output=str(fixture))
    Notification.objects.all().delete()
    call_command("loaddata", str(fixture), verbosity=0)
    assert Notification.objects.get().digest == Notification(**fields).make_digest()


def test_the_digest_stays_when_the_notification_is_moved(fields: Any) -> None:
    notification = Notification.objects.create(**fields)
    digest = notification.digest
    notification.scheduled_delivery += timedelta(days=1)
    notification.title = "Another"
    notification.save()
    notification.refresh_from_db()
    assert notification.digest == digest


def test_retries_that_land_on_one_moment_do_not_collide(fields: Any) -> None:
    early = Notification.objects.create(**fields)
    late = Notification.objects.create(**{**fields, "scheduled_delivery": MOMENT + timedelta(1)})
    for notification in (early, late):
        notification.status = Notification.RETRY
        notification.attempted_delivery = MOMENT + timedelta(2)
        notification.scheduled_delivery = MOMENT + timedelta(3)
        notification.save()
    assert Notification.objects.filter(scheduled_delivery=MOMENT + timedelta(3)).count() == 2


def test_the_same_again_is_refused(fields: Any) -> None:
    Notification.objects.create(**fields)
    refused(fields)
    refused(fields, extra={})
    refused(fields, body="another body, which 1.5.3's constraint did not look at either")
    refused(fields, status=Notification.DELIVERED, attempted_delivery=MOMENT)
    refused(fields, scheduled_delivery=MOMENT.astimezone(timezone.get_fixed_timezone(345)))


def test_the_same_again_is_refused_in_bulk(fields: Any) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Notification.objects.bulk_create([Notification(**fields), Notification(**fields)])
    Notification.objects.bulk_create(
        [Notification(**fields), Notification(**fields)], ignore_conflicts=True
    )
    assert Notification.objects.count() == 1


@pytest.mark.parametrize(
    "difference",
    [
        {"title": "Another"},
        {"title": "hello"},
        {"extra": {"a": 1}},
        {"extra": [1]},
        {"extra": ""},
        {"scheduled_delivery": MOMENT + timedelta(microseconds=1)},
    ],
    ids=str,
)
def test_what_differs_is_taken(difference: dict[str, Any], fields: Any) -> None:
    Notification.objects.create(**fields)
    Notification.objects.create(**{**fields, **difference})
    assert Notification.objects.count() == 2


def test_another_record_is_another_notification(fields: Any, records: Any) -> None:
    Notification.objects.create(**fields)
    Notification.objects.create(**{**fields, "target_user_record": records["Expo"]})


def test_the_order_of_keys_in_extra_means_nothing(fields: Any) -> None:
    Notification.objects.create(**fields, extra={"a": 1, "b": {"c": [1, 2], "d": None}})
    refused(fields, extra={"b": {"d": None, "c": [1, 2]}, "a": 1})
    Notification.objects.create(**fields, extra={"a": 1, "b": {"c": [2, 1], "d": None}})


def test_without_extra_nothing_is_refused(fields: Any) -> None:
    """SQL's NULL is equal to nothing, in release 1.5.3's constraint too."""
    Notification.objects.create(**fields, extra=None)
    Notification.objects.create(**fields, extra=None)
    assert set(Notification.objects.values_list("digest", flat=True)) == {None}
    assert Notification.objects.filter(extra__isnull=True).count() == 2


def test_a_large_extra_is_taken_once(fields: Any) -> None:
    """PostgreSQL's index had no room for it."""
    extra = {"text": "lorem ipsum " * 100_000}
    Notification.objects.create(**fields, extra=extra)
    refused(fields, extra=extra)
    Notification.objects.create(**fields, extra={"text": extra["text"] + "."})


def test_a_moment_without_a_time_zone_has_a_digest(fields: Any, settings: Any) -> None:
    aware = Notification(**fields)
    settings.USE_TZ = False
    naive = Notification(**{**fields, "scheduled_delivery": MOMENT.replace(tzinfo=None)})
    assert naive.make_digest() == aware.make_digest()


# get_or_create()


def test_get_or_create_finds_what_was_moved(fields: Any) -> None:
    """As custom creators in the manner of release 1.5.3 call it."""
    lookup = {name: fields[name] for name in ("target_user_record", "title", "scheduled_delivery")}
    defaults = {"body": "World", "status": "SCHEDULED"}
    made, created = Notification.objects.get_or_create(**lookup, extra={}, defaults=defaults)
    assert created
    Notification.objects.update(
        status=Notification.RETRY,
        scheduled_delivery=MOMENT + timedelta(1),
        attempted_delivery=MOMENT,
    )
    found, created = Notification.objects.get_or_create(**lookup, extra={}, defaults=defaults)
    assert (found, created) == (made, False)
    assert found.status == Notification.RETRY
    assert Notification.objects.count() == 1


def test_get_or_create_finds_what_was_moved_through_the_record(
    fields: Any, record: TargetUserRecord
) -> None:
    lookup = {"title": "Hello", "scheduled_delivery": MOMENT, "extra": {}}
    defaults = {"body": lambda: "World", "status": "SCHEDULED"}
    made, _ = record.notifications.get_or_create(**lookup, defaults=defaults)
    Notification.objects.update(scheduled_delivery=MOMENT + timedelta(1))
    assert record.notifications.get_or_create(**lookup, defaults=defaults) == (made, False)
    user_target_lookup = {"user_target": record, **lookup}
    found = Notification.objects.get_or_create(**user_target_lookup, defaults=defaults)
    assert found == (made, False)


def test_get_or_create_still_raises_other_errors(fields: Any) -> None:
    made = Notification.objects.create(**fields)
    Notification.objects.create(**{**fields, "extra": None})  # has no digest to be found by
    with pytest.raises(IntegrityError), transaction.atomic():
        Notification.objects.get_or_create(
            title="Another", defaults={**fields, "pk": made.pk, "title": "Another"}
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        Notification.objects.get_or_create(
            title="Another", defaults={**fields, "pk": made.pk, "title": "Another", "extra": None}
        )


# What full_clean() refuses


def errors(notification: Notification) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as raised:
        notification.full_clean()
    return raised.value.message_dict


def test_a_sound_notification_is_clean(fields: Any) -> None:
    Notification(**fields).full_clean()


def test_a_repetition_is_refused_in_words(fields: Any) -> None:
    Notification.objects.create(**fields)
    said = errors(Notification(**fields))
    assert said == {
        "__all__": [
            "A notification with this title and extra already exists for this record and moment."
        ]
    }


def test_what_exists_is_clean_again(fields: Any) -> None:
    notification = Notification.objects.create(**fields)
    notification.full_clean()
    Notification.objects.get().full_clean()


def test_a_title_with_a_line_break_is_refused(fields: Any) -> None:
    for title in ("a\nb", "a\rb", "a\u2028b", "a\n"):
        said = errors(Notification(**{**fields, "title": title}))
        assert said == {"title": ["The title must be a single line."]}


def test_a_title_that_is_too_long_is_refused(fields: Any) -> None:
    assert list(errors(Notification(**{**fields, "title": "a" * 101}))) == ["title"]


@pytest.mark.parametrize("extra", [[1], "text", 1, True])
def test_extra_that_is_no_object_is_refused(extra: Any, fields: Any) -> None:
    said = errors(Notification(**fields, extra=extra))
    assert said == {"extra": ["Extra must be a JSON object, such as {}."]}


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"a": float("nan")}, 'extra["a"] is nan, a number that JSON does not have.'),
        ({"a": "\x00"}, 'extra["a"] has a NUL character, which databases cannot store.'),
        ({"a": ["\ud800"]}, 'extra["a"][0] is no valid Unicode text'),
    ],
)
def test_extra_that_no_database_stores_is_refused(extra: Any, message: str, fields: Any) -> None:
    said = errors(Notification(**fields, extra=extra))
    assert list(said) == ["extra"]
    assert said["extra"][0].startswith(message)


@pytest.mark.parametrize("name", ["title", "body"])
def test_text_that_no_database_stores_is_refused(name: str, fields: Any) -> None:
    for text, message in (("a\x00b", "has a NUL character"), ("\udc80", "is no valid Unicode")):
        said = errors(Notification(**{**fields, name: text}))
        assert list(said) == [name]
        assert said[name][0].startswith(f"{name} {message}")


def test_a_scheduled_one_has_no_attempt(fields: Any) -> None:
    said = errors(Notification(**fields, attempted_delivery=MOMENT))
    assert list(said) == ["status"]


@pytest.mark.parametrize("status", ["DELIVERED", "DELIVERY FAILURE", "RETRY"])
def test_one_that_was_attempted_says_when(status: str, fields: Any) -> None:
    notification = Notification(**{**fields, "status": status})
    assert list(errors(notification)) == ["attempted_delivery"]
    notification.attempted_delivery = MOMENT
    notification.full_clean()


@pytest.mark.parametrize("status", ["OPTED OUT", "INACTIVE DEVICE"])
def test_one_that_was_settled_without_an_attempt_is_clean(status: str, fields: Any) -> None:
    Notification(**{**fields, "status": status}).full_clean()


def test_a_user_who_has_opted_out_is_not_to_be_notified(fields: Any, user: Any) -> None:
    opt_out = NotificationOptOut.objects.create(user=user, active=True)
    said = errors(Notification(**fields))
    assert said == {"__all__": ["This user has opted out of notifications."]}
    Notification(**{**fields, "status": "OPTED OUT"}).full_clean()
    opt_out.active = False
    opt_out.save()
    Notification(**fields).full_clean()


def test_a_form_without_a_record_or_a_moment_is_told_so(fields: Any) -> None:
    del fields["target_user_record"]
    assert list(errors(Notification(**fields))) == ["target_user_record"]
    assert sorted(errors(Notification())) == [
        "scheduled_delivery",
        "target_user_record",
        "title",
    ]


# What a failed attempt changes


@pytest.mark.parametrize("max_retries", [0, 1])
def test_at_least_one_attempt_is_made_and_it_ends(
    max_retries: int, record: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(record, max_retries=max_retries)
    notification.count_failed_attempt(MOMENT)
    assert notification.status == Notification.DELIVERY_FAILURE
    assert notification.attempted_delivery == MOMENT


def test_a_failed_attempt_moves_it_by_minutes(record: TargetUserRecord, make_due: MakeDue) -> None:
    notification = make_due(record, max_retries=3, retry_time_interval=90)
    notification.count_failed_attempt(MOMENT)
    assert notification.scheduled_delivery == MOMENT + timedelta(minutes=90)
    notification.count_failed_attempt(MOMENT, 5)
    assert notification.scheduled_delivery == MOMENT + timedelta(minutes=5)
    assert (notification.status, notification.retry_attempts) == (Notification.RETRY, 2)
    notification.count_failed_attempt(MOMENT)
    assert (notification.status, notification.retry_attempts) == (Notification.DELIVERY_FAILURE, 3)


# Querysets


def test_due_is_what_waits_and_whose_time_has_come(
    record: TargetUserRecord, make_due: MakeDue
) -> None:
    now = timezone.now()
    due = make_due(record, title="due", scheduled_delivery=now)
    retry = make_due(record, title="retry", status="RETRY", attempted_delivery=now)
    make_due(record, title="later", scheduled_delivery=now + timedelta(hours=1))
    for status in ("DELIVERED", "DELIVERY FAILURE", "INACTIVE DEVICE", "OPTED OUT"):
        make_due(record, title=status, status=status)
    assert set(Notification.objects.due()) == {due, retry}
    assert set(Notification.objects.due(now)) == {due, retry}
    assert set(Notification.objects.due(now - timedelta(seconds=1))) == {retry}
    assert Notification.objects.pending().count() == 3


def test_for_delivery_loads_everything_at_once(
    record: TargetUserRecord, make_due: MakeDue, django_assert_num_queries: Any
) -> None:
    make_due(record)
    with django_assert_num_queries(1):
        notification = Notification.objects.for_delivery().get()
        assert str(notification.user_target.user) == "egg"
        assert not hasattr(notification.user_target.user, "notification_opt_out")
    assert notification.user_target.target.name == "Email"  # the engine has it: read apart


# The other models


def test_the_name_of_1_5_3s_documentation_is_the_record() -> None:
    assert UserInNotificationTarget is TargetUserRecord


def test_names_for_people(record: TargetUserRecord, fields: Any) -> None:
    assert str(record) == "egg: Eggs's Email"
    assert str(record.target) == "Email"
    assert str(Notification(**fields)) == f"egg - SCHEDULED - {MOMENT}"


@isolate_apps("tests")
def test_names_for_people_whose_username_is_no_text() -> None:
    class Member(User):
        class Meta:
            app_label = "tests"
            proxy = True

        def get_username(self) -> Any:
            return 7

    record = TargetUserRecord(user=Member(), description="Seven's Email")
    assert str(NotificationOptOut(user=Member())) == "7"
    assert str(record) == "7: Seven's Email"
    assert str(Notification(target_user_record=record, status="RETRY")) == "7 - RETRY - None"


def test_a_record_cannot_be_repeated(record: TargetUserRecord) -> None:
    again = TargetUserRecord(
        user=record.user,
        target=record.target,
        target_user_id=record.target_user_id,
        description="-",
    )
    with pytest.raises(ValidationError):
        again.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        again.save()


def test_an_address_has_room_for_any_email_address(record: TargetUserRecord) -> None:
    record.target_user_id = "a" * 242 + "@example.com"
    record.full_clean()
    record.save()
    record.refresh_from_db()
    assert len(record.target_user_id) == 254
    record.target_user_id += "m"
    with pytest.raises(ValidationError):
        record.full_clean()


@pytest.mark.parametrize("name", ["../secrets", "os.path", "a-b", "1st", "", "a b"])
def test_a_target_may_name_no_file(name: str, db: None) -> None:
    with pytest.raises(ValidationError) as raised:
        NotificationTarget(name="Mine", notification_module_name=name).full_clean()
    assert list(raised.value.message_dict) == ["notification_module_name"]


def test_a_target_with_records_cannot_be_deleted(record: TargetUserRecord) -> None:
    from django.db.models import ProtectedError

    with pytest.raises(ProtectedError):
        record.target.delete()


def test_moment_and_record_may_be_given_as_texts(records: dict[str, TargetUserRecord]) -> None:
    record = records["Email"]
    fields = {"title": "t", "body": "b", "status": Notification.SCHEDULED}
    text = "2018-10-24T12:42:13-04:00"
    made = Notification.objects.create(
        target_user_record_id=str(record.pk).upper(), scheduled_delivery=text, **fields
    )
    made.refresh_from_db()
    assert made.scheduled_delivery == datetime.fromisoformat(text)
    with pytest.raises(IntegrityError), transaction.atomic():
        Notification.objects.create(
            target_user_record=record, scheduled_delivery=made.scheduled_delivery, **fields
        )


@pytest.mark.parametrize("way", ["create", "bulk_create"])
def test_one_that_is_created_without_a_status_is_sent(
    email: TargetUserRecord, process: Callable[..., str], way: str
) -> None:
    values = {"title": "News", "body": "Text.", "scheduled_delivery": timezone.now()}
    if way == "create":
        Notification.objects.create(user_target=email, **values)
    else:
        Notification.objects.bulk_create([Notification(target_user_record=email, **values)])
    process()
    assert Notification.objects.get().status == Notification.DELIVERED
