"""The creators of the three built-in targets: whom they reach, and what they refuse."""

import inspect
import uuid
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from django_notification_system import notify
from django_notification_system.exceptions import (
    InvalidNotification,
    NotificationsNotCreated,
    UserHasNoTargetRecords,
    UserIsOptedOut,
)
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.models.digest import identity_of
from django_notification_system.notification_creators import email, expo, twilio
from tests.support.creators_support import MOMENT, every_module


@pytest.mark.parametrize(
    ("module", "body", "minutes"),
    [
        (email, "", 1440),
        (twilio, inspect.Parameter.empty, 1440),
        (expo, inspect.Parameter.empty, 60),
    ],
    ids=["email", "twilio", "expo"],
)
def test_signatures_and_defaults_are_those_of_1_5_3(
    module: ModuleType, body: Any, minutes: int
) -> None:
    parameters = inspect.signature(module.create_notification).parameters
    assert {name: parameter.default for name, parameter in parameters.items()} == {
        "user": inspect.Parameter.empty,
        "title": inspect.Parameter.empty,
        "body": body,
        "scheduled_delivery": None,
        "retry_time_interval": minutes,
        "max_retries": 3,
        "quiet": False,
        "extra": None,
        # new, and so at the end
        "priority": 0,
        "category": "",
    }
    assert list(parameters) == [
        "user",
        "title",
        "body",
        "scheduled_delivery",
        "retry_time_interval",
        "max_retries",
        "quiet",
        "extra",
        "priority",
        "category",
    ]


@every_module
def test_creates_one_for_each_active_record_of_its_target(
    target_name: str, module: ModuleType, user: Any, records: dict[str, TargetUserRecord]
) -> None:
    second = TargetUserRecord.objects.create(
        user=user, target=records[target_name].target, target_user_id="second", description="2"
    )
    TargetUserRecord.objects.create(
        user=user,
        target=records[target_name].target,
        target_user_id="third",
        description="3",
        active=False,
    )
    before = timezone.now()

    assert module.create_notification(user, "Hello", "World") is None

    notifications = Notification.objects.all()
    assert {notification.target_user_record for notification in notifications} == {
        records[target_name],
        second,
    }
    for notification in notifications:
        assert notification.title == "Hello"
        assert notification.body == "World"
        assert notification.extra == {}
        assert notification.status == Notification.SCHEDULED
        assert before <= notification.scheduled_delivery <= timezone.now()
        assert notification.attempted_delivery is None
        assert notification.retry_time_interval == (60 if module is expo else 1440)
        assert notification.follows_retry_policy is False
        assert notification.max_retries == 3
        assert notification.retry_attempts == 0
        notification.full_clean()


@every_module
def test_keeps_every_argument(
    target_name: str, module: ModuleType, user: Any, records: dict[str, TargetUserRecord]
) -> None:
    extra = {"badge": 1, "data": {"list": [1, 2.5, None, True, "ünïcode"]}}
    module.create_notification(
        user=user,
        title="Hello",
        body="World",
        scheduled_delivery=MOMENT,
        retry_time_interval=7,
        max_retries=5,
        quiet=False,
        extra=extra,
    )
    notification = Notification.objects.get()
    assert notification.extra == extra
    assert notification.scheduled_delivery == MOMENT
    assert notification.retry_time_interval == 7
    assert notification.max_retries == 5


@every_module
@pytest.mark.parametrize("quiet", [False, True], ids=["raises", "quiet"])
def test_an_opted_out_user_gets_nothing(
    quiet: bool, target_name: str, module: ModuleType, user: Any, records: Any
) -> None:
    NotificationOptOut.objects.create(user=user, active=True)
    if quiet:
        module.create_notification(user, "Hello", "World", quiet=True)
    else:
        with pytest.raises(UserIsOptedOut, match="User is opted out: 'egg' wants no"):
            module.create_notification(user, "Hello", "World")
    assert not Notification.objects.exists()


def test_opting_out_counts_before_having_no_records(user: Any) -> None:
    NotificationOptOut.objects.create(user=user, active=True)
    with pytest.raises(UserIsOptedOut):
        email.create_notification(user, "Hello", "World")


def test_a_user_who_has_opted_in_again_is_notified(user: Any, records: Any) -> None:
    NotificationOptOut.objects.create(user=user, active=False)
    email.create_notification(user, "Hello", "World")
    assert Notification.objects.count() == 1


@every_module
@pytest.mark.parametrize("quiet", [False, True], ids=["raises", "quiet"])
def test_a_user_without_an_active_record_gets_nothing(
    quiet: bool,
    target_name: str,
    module: ModuleType,
    user: Any,
    records: dict[str, TargetUserRecord],
) -> None:
    TargetUserRecord.objects.filter(pk=records[target_name].pk).update(active=False)
    if quiet:
        module.create_notification(user, "Hello", "World", quiet=True)
    else:
        said = f"User has no active targets: 'egg' has no active record in {target_name}. Add a"
        with pytest.raises(UserHasNoTargetRecords, match=said):
            module.create_notification(user, "Hello", "World")
    assert not Notification.objects.exists()


@every_module
def test_the_same_again_is_not_created(
    target_name: str, module: ModuleType, user: Any, records: Any
) -> None:
    arguments = {"user": user, "title": "Hello", "body": "World", "scheduled_delivery": MOMENT}
    module.create_notification(**arguments)
    with pytest.raises(NotificationsNotCreated) as raised:
        module.create_notification(**arguments)
    assert not isinstance(raised.value, InvalidNotification)
    module.create_notification(**arguments, quiet=True)
    assert Notification.objects.count() == 1


@pytest.mark.parametrize(
    "difference",
    [
        {"title": "Another"},
        {"body": "Another"},
        {"extra": {"badge": 1}},
        {"scheduled_delivery": MOMENT + timedelta(microseconds=1)},
    ],
    ids=["title", "body", "extra", "moment"],
)
def test_what_differs_is_another_notification(
    difference: dict[str, Any], user: Any, records: Any
) -> None:
    arguments = {"user": user, "title": "Hello", "body": "World", "scheduled_delivery": MOMENT}
    twilio.create_notification(**arguments)
    twilio.create_notification(**{**arguments, **difference})
    assert Notification.objects.count() == 2


def test_the_same_moment_in_another_time_zone_is_the_same(user: Any, records: Any) -> None:
    elsewhere = MOMENT.astimezone(timezone.get_fixed_timezone(timedelta(hours=5, minutes=45)))
    email.create_notification(user, "Hello", "World", scheduled_delivery=MOMENT)
    with pytest.raises(NotificationsNotCreated):
        email.create_notification(user, "Hello", "World", scheduled_delivery=elsewhere)


def test_a_new_record_gets_its_notification_though_the_others_have_theirs(
    user: Any, records: dict[str, TargetUserRecord]
) -> None:
    email.create_notification(user, "Hello", "World", scheduled_delivery=MOMENT)
    TargetUserRecord.objects.create(
        user=user, target=records["Email"].target, target_user_id="b@example.com", description="2"
    )
    email.create_notification(user, "Hello", "World", scheduled_delivery=MOMENT)
    assert Notification.objects.count() == 2


def test_what_was_rescheduled_is_not_created_again(user: Any, records: Any) -> None:
    email.create_notification(user, "Hello", "World", scheduled_delivery=MOMENT)
    Notification.objects.update(
        status=Notification.RETRY,
        attempted_delivery=MOMENT,
        scheduled_delivery=MOMENT + timedelta(days=1),
    )
    with pytest.raises(NotificationsNotCreated):
        email.create_notification(user, "Hello", "World", scheduled_delivery=MOMENT)


@every_module
def test_what_release_1_5_3_has_created_is_not_created_again(
    target_name: str, module: ModuleType, user: Any, records: dict[str, TargetUserRecord]
) -> None:
    """Its rows have a digest that leaves out the body."""
    row = Notification.objects.create(
        target_user_record=records[target_name],
        title="Hello",
        body="World",
        scheduled_delivery=MOMENT,
        status=Notification.SCHEDULED,
    )
    with pytest.raises(NotificationsNotCreated):
        module.create_notification(user, "Hello", "World", scheduled_delivery=MOMENT)
    assert Notification.objects.get() == row


@pytest.mark.parametrize("body", ["World", None], ids=["by a creator", "by the project"])
@pytest.mark.parametrize("edited", [True, False], ids=["edited", "as made"])
def test_what_a_development_version_has_created_is_not_created_again(
    body: str | None, edited: bool, user: Any, records: dict[str, TargetUserRecord]
) -> None:
    """Its digests do not begin with the moment."""
    record_id = uuid.uuid4()
    TargetUserRecord.objects.filter(pk=records["Email"].pk).update(id=record_id)
    identity = identity_of(record_id, MOMENT, "Hello", {}, body=body)
    assert identity
    row = Notification(
        target_user_record_id=record_id, title="Hello", body="World", scheduled_delivery=MOMENT
    )
    row.set_digest(identity.development_digest)
    row.save()
    if edited and body:  # in the admin: the digest stays
        Notification.objects.update(body="Everybody")
    with pytest.raises(NotificationsNotCreated):
        email.create_notification(user, "Hello", "World", scheduled_delivery=MOMENT)
    assert Notification.objects.get() == row
    email.create_notification(user, "Hello", "Another body", scheduled_delivery=MOMENT)
    assert Notification.objects.count() == 2


def test_rows_of_one_call_have_keys_in_the_order_of_their_digests(user: Any, records: Any) -> None:
    """So a database appends to both indexes, row by row."""
    notify(user, "Hello", "World", target=list(records))
    by_key = list(Notification.objects.order_by("pk").values_list("digest", flat=True))
    assert len(by_key) == 3
    assert by_key == sorted(by_key)


def test_without_a_moment_every_call_creates(user: Any, records: Any) -> None:
    email.create_notification(user, "Hello", "World")
    email.create_notification(user, "Hello", "World")
    assert Notification.objects.count() == 2


def test_a_renamed_target_is_found_by_its_module(user: Any, records: Any) -> None:
    NotificationTarget.objects.filter(name="Email").update(name="Electronic mail")
    email.create_notification(user, "Hello", "World")
    assert Notification.objects.count() == 1


def test_a_second_target_of_the_same_module_is_left_alone(user: Any, records: Any) -> None:
    newsletter = NotificationTarget.objects.create(
        name="Newsletter", notification_module_name="email"
    )
    TargetUserRecord.objects.create(
        user=user, target=newsletter, target_user_id="eggs@example.com", description="News"
    )
    email.create_notification(user, "Hello", "World")
    assert Notification.objects.get().target_user_record == records["Email"]


def test_the_user_of_a_request_is_a_user(user: Any, records: Any) -> None:
    email.create_notification(SimpleLazyObject(lambda: user), "Hello", "World")
    assert Notification.objects.count() == 1


def test_lazy_and_safe_texts_are_texts(user: Any, records: Any) -> None:
    email.create_notification(
        user,
        gettext_lazy("Welcome"),  # type: ignore[arg-type] # as release 1.5.3 took it
        mark_safe("<b>Hello</b>"),
        extra={"greeting": gettext_lazy("Hello")},
    )
    notification = Notification.objects.get()
    assert notification.title == "Welcome"
    assert notification.body == "<b>Hello</b>"
    assert notification.extra == {"greeting": "Hello"}
