"""``user_target`` is ``target_user_record`` by another name, wherever Django takes a name."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.apps import apps
from django.apps.registry import Apps
from django.core.exceptions import FieldError
from django.db.models import Count, F, OuterRef, Prefetch, Q, Subquery
from django.utils import timezone

from django_notification_system.models import Notification, TargetUserRecord, alias
from django_notification_system.models.alias import ALIASES
from django_notification_system.models.notification_queryset import NotificationQuerySet
from django_notification_system.models.typed import NotificationFields


@pytest.fixture
def record(records: dict[str, TargetUserRecord]) -> TargetUserRecord:
    return records["Email"]


@pytest.fixture
def fields() -> dict[str, Any]:
    return {
        "title": "Hello",
        "body": "World",
        "status": Notification.SCHEDULED,
        "scheduled_delivery": timezone.now(),
    }


@pytest.fixture
def notification(record: TargetUserRecord, records: Any, fields: Any) -> Notification:
    """One for the Email record, beside one for each other record."""
    for other in records.values():
        Notification.objects.create(target_user_record=other, **fields)
    return Notification.objects.get(target_user_record=record)


# Making one


def test_in_the_constructor(record: TargetUserRecord, fields: Any) -> None:
    notification = Notification(user_target=record, **fields)
    assert notification.target_user_record is record
    notification.full_clean()
    notification.save()
    assert Notification.objects.get().target_user_record == record


def test_as_a_key_in_the_constructor(record: TargetUserRecord, fields: Any) -> None:
    notification = Notification(user_target_id=record.pk, **fields)
    notification.save()
    assert notification.target_user_record == record


def test_in_create(record: TargetUserRecord, fields: Any) -> None:
    assert Notification.objects.create(user_target=record, **fields).target_user_record == record
    Notification.objects.create(user_target_id=record.pk, **{**fields, "title": "Another"})
    assert record.notifications.count() == 2


def test_in_get_or_create(record: TargetUserRecord, fields: Any) -> None:
    made, created = Notification.objects.get_or_create(user_target=record, **fields)
    assert created
    assert Notification.objects.get_or_create(user_target=record, **fields) == (made, False)
    other = {**fields, "title": "Another", "user_target": record}
    _, created = Notification.objects.get_or_create(
        user_target__user=record.user, title="Another", defaults=other
    )
    assert created


def test_in_update_or_create(record: TargetUserRecord, fields: Any) -> None:
    made, created = Notification.objects.update_or_create(user_target=record, defaults=fields)
    assert created
    again, created = Notification.objects.update_or_create(
        user_target=record, defaults={"body": "Another"}
    )
    assert (again.pk, created) == (made.pk, False)
    made.refresh_from_db()
    assert made.body == "Another"


def test_in_update_or_create_among_the_defaults(notification: Notification, records: Any) -> None:
    Notification.objects.update_or_create(
        pk=notification.pk, defaults={"user_target": records["Expo"]}
    )
    notification.refresh_from_db()
    assert notification.target_user_record == records["Expo"]


def test_in_bulk_create(record: TargetUserRecord, fields: Any) -> None:
    Notification.objects.bulk_create([Notification(user_target=record, **fields)])
    assert Notification.objects.get().target_user_record == record


def test_in_bulk_update(notification: Notification, records: Any) -> None:
    notification.user_target = records["Expo"]
    Notification.objects.bulk_update([notification], ["target_user_record"])
    notification.refresh_from_db()
    assert notification.user_target == records["Expo"]


def test_in_the_asynchronous_methods(record: TargetUserRecord, fields: Any) -> None:
    async def make_and_get() -> None:
        rows = Notification.objects
        made = await rows.acreate(user_target=record, **fields)
        assert await rows.aget(user_target=record) == made
        assert await rows.aget_or_create(user_target=record, **fields) == (made, False)

    async_to_sync(make_and_get)()


def test_type_checkers_know_every_field_of_the_constructor() -> None:
    fields = Notification._meta.concrete_fields
    names = {name for field in fields for name in (field.name, field.attname)}
    assert NotificationFields.__annotations__.keys() == names | set(ALIASES) | {"pk"}


# On instances


def test_on_instances(notification: Notification, records: Any) -> None:
    assert notification.user_target == notification.target_user_record
    assert notification.user_target_id == notification.target_user_record_id
    notification.user_target = records["Expo"]
    assert notification.target_user_record_id == records["Expo"].pk
    notification.user_target_id = records["Twilio"].pk
    assert notification.target_user_record == records["Twilio"]
    notification.save()
    notification.refresh_from_db()
    assert notification.user_target == records["Twilio"]


# Looking one up

LOOKUPS: list[Callable[[NotificationQuerySet, TargetUserRecord], NotificationQuerySet]] = [
    lambda rows, record: rows.filter(user_target=record),
    lambda rows, record: rows.filter(user_target=record.pk),
    lambda rows, record: rows.filter(user_target_id=record.pk),
    lambda rows, record: rows.filter(user_target__pk=record.pk),
    lambda rows, record: rows.filter(user_target__in=[record]),
    lambda rows, record: rows.filter(user_target__in=TargetUserRecord.objects.filter(pk=record.pk)),
    lambda rows, record: rows.filter(user_target__target__name="Email"),
    lambda rows, record: rows.filter(user_target__target_user_id__icontains="EGGS@"),
    lambda rows, record: rows.filter(user_target__user=record.user, user_target=record),
    lambda rows, record: rows.filter(Q(user_target=record) | Q(user_target__description="none")),
    lambda rows, record: rows.filter(~Q(user_target__target__name__in=["Twilio", "Expo"])),
    lambda rows, record: rows.exclude(user_target__target__name__in=["Twilio", "Expo"]),
    lambda rows, record: rows.exclude(~Q(user_target=record)),
    lambda rows, record: rows.filter(user_target=F("target_user_record")).filter(
        user_target=record
    ),
    lambda rows, record: rows.filter(target_user_record=F("user_target"), user_target=record),
    lambda rows, record: rows.annotate(name=F("user_target__target__name")).filter(name="Email"),
    lambda rows, record: rows.filter(target_user_record=record).order_by("user_target"),
    lambda rows, record: rows.complex_filter({"user_target": record}),
    lambda rows, record: rows.none() | rows.filter(user_target=record),
    lambda rows, record: rows.filter(user_target=record).distinct(),
    lambda rows, record: rows.alias(user=F("user_target__user")).filter(
        user=record.user.pk, user_target=record
    ),
]


@pytest.mark.parametrize("lookup", LOOKUPS)
def test_in_lookups(
    lookup: Callable[[NotificationQuerySet, TargetUserRecord], NotificationQuerySet],
    notification: Notification,
    record: TargetUserRecord,
) -> None:
    assert list(lookup(Notification.objects.all(), record)) == [notification]


def test_in_get(notification: Notification, record: TargetUserRecord) -> None:
    assert Notification.objects.get(user_target=record) == notification
    assert Notification.objects.filter(user_target=record).count() == 1
    assert Notification.objects.filter(user_target=record).exists()


def test_in_order_by(notification: Notification) -> None:
    def names(rows: NotificationQuerySet) -> list[str]:
        return [row.target_user_record.target.name for row in rows]

    rows = Notification.objects.all()
    assert names(rows.order_by("user_target__target__name")) == ["Email", "Expo", "Twilio"]
    assert names(rows.order_by("-user_target__target__name")) == ["Twilio", "Expo", "Email"]
    assert names(rows.order_by(F("user_target__target__name").desc())) == [
        "Twilio",
        "Expo",
        "Email",
    ]
    assert len(rows.order_by("user_target_id")) == 3


def test_in_values(notification: Notification, record: TargetUserRecord) -> None:
    rows = Notification.objects.filter(pk=notification.pk)
    assert list(rows.values("user_target")) == [{"user_target": record.pk}]
    assert list(rows.values("user_target_id")) == [{"user_target_id": record.pk}]
    assert list(rows.values("user_target__target__name")) == [
        {"user_target__target__name": "Email"}
    ]
    assert list(rows.values(name=F("user_target__target__name"))) == [{"name": "Email"}]
    assert list(rows.values_list("user_target", "user_target__target__name")) == [
        (record.pk, "Email")
    ]
    assert list(rows.values_list("user_target", flat=True)) == [record.pk]
    assert rows.values_list("user_target__target__name", named=True)[0][0] == "Email"


def test_in_aggregates(notification: Notification, user: Any) -> None:
    counts = Notification.objects.values("user_target__user").annotate(count=Count("user_target"))
    assert list(counts) == [{"user_target__user": user.pk, "count": 3}]
    assert Notification.objects.aggregate(count=Count("user_target", distinct=True)) == {"count": 3}


def test_in_subqueries(notification: Notification, record: TargetUserRecord) -> None:
    titles = Notification.objects.filter(user_target=OuterRef("pk")).values("title")[:1]
    with_title = TargetUserRecord.objects.annotate(first=Subquery(titles)).get(pk=record.pk)
    assert with_title.first == "Hello"
    assert (
        TargetUserRecord.objects.filter(
            pk__in=Notification.objects.filter(pk=notification.pk).values("user_target")
        ).get()
        == record
    )


# Loading


@pytest.mark.parametrize(
    "path",
    ["user_target", "user_target__target", "user_target__user__notification_opt_out"],
)
def test_in_select_related(
    path: str, notification: Notification, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        for row in Notification.objects.select_related(path):
            loaded: Any = row
            for name in path.split("__")[:2]:
                loaded = getattr(loaded, name)
            assert str(loaded.pk)
            assert row.target_user_record.pk == row.user_target.pk


def test_in_prefetch_related(notification: Notification, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(3):
        rows = list(Notification.objects.prefetch_related("user_target__target"))
        assert {row.user_target.target.name for row in rows} == {"Email", "Expo", "Twilio"}


def test_in_only_and_defer(notification: Notification, django_assert_num_queries: Any) -> None:
    row = Notification.objects.only("user_target").get(pk=notification.pk)
    assert row.get_deferred_fields() >= {"title", "body", "extra"}
    assert "target_user_record_id" not in row.get_deferred_fields()
    row = Notification.objects.defer("user_target").get(pk=notification.pk)
    assert row.get_deferred_fields() == {"target_user_record_id"}
    with django_assert_num_queries(1):
        row = (
            Notification.objects.select_related("user_target")
            .only("title", "user_target__target_user_id")
            .get(pk=notification.pk)
        )
        assert row.user_target.target_user_id == "eggs@example.com"


def test_in_update(notification: Notification, records: Any) -> None:
    rows = Notification.objects.filter(user_target__target__name="Email")
    assert rows.update(user_target=records["Expo"]) == 1
    notification.refresh_from_db()
    assert notification.target_user_record == records["Expo"]
    Notification.objects.filter(pk=notification.pk).update(user_target_id=records["Twilio"].pk)
    notification.refresh_from_db()
    assert notification.target_user_record == records["Twilio"]


def test_in_delete(notification: Notification, record: TargetUserRecord) -> None:
    assert Notification.objects.filter(user_target=record).delete()[0] == 1
    assert Notification.objects.count() == 2


# From the other side


def test_in_related_managers(
    notification: Notification, record: TargetUserRecord, fields: Any
) -> None:
    assert record.notifications.filter(user_target__target__name="Email").get() == notification
    assert not record.notifications.filter(user_target__target__name="Expo").exists()
    assert record.notifications.order_by("user_target__user").get() == notification
    assert record.notifications.create(**{**fields, "title": "Another"}).user_target == record
    _, created = record.notifications.get_or_create(**{**fields, "title": "Another"})
    assert not created


def test_in_a_prefetch_from_the_other_side(
    notification: Notification, record: TargetUserRecord
) -> None:
    emails = Notification.objects.filter(user_target__target__name="Email")
    found = TargetUserRecord.objects.prefetch_related(
        Prefetch("notifications", queryset=emails, to_attr="emails")
    )
    assert {len(row.emails) for row in found} == {0, 1}


def test_the_alias_is_the_notifications_alone(notification: Notification) -> None:
    with pytest.raises(FieldError):
        TargetUserRecord.objects.filter(user_target__target__name="Email")
    with pytest.raises(FieldError):
        Notification.objects.filter(target_user_record__user_target=1)


def test_a_subclass_has_the_aliases(notification: Notification, record: TargetUserRecord) -> None:
    class Letter(Notification):
        class Meta:
            app_label = "letters"
            proxy = True
            apps = Apps()

    assert Letter._meta.get_field("user_target").name == "target_user_record"
    assert Letter._default_manager.filter(user_target=record).get().pk == notification.pk


def test_after_another_model_was_made(notification: Notification, record: Any) -> None:
    """Django forgets its maps of fields whenever a model is made."""
    apps.clear_cache()
    assert Notification.objects.get(user_target=record) == notification


def test_names_of_fields_are_looked_up_without_this_app(notification: Notification) -> None:
    calls: list[str] = []

    def note(frame: Any, event: str, argument: object) -> None:
        if event == "call" and frame.f_code.co_filename == alias.__file__:
            calls.append(frame.f_code.co_name)

    Notification.objects.filter(user_target__active=True).exists()
    sys.setprofile(note)
    try:
        list(Notification.objects.filter(user_target__active=True).order_by("user_target"))
    finally:
        sys.setprofile(None)
    assert calls == []
