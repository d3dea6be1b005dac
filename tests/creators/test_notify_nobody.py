"""``notify()`` where nobody, or nobody new, is reached."""

from collections.abc import Callable
from typing import Any

import pytest

from django_notification_system import notify
from django_notification_system.exceptions import (
    NotificationsNotCreated,
    UserHasNoTargetRecords,
    UserIsOptedOut,
)
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    TargetUserRecord,
)
from django_notification_system.operations.add_target import add_target
from tests.support.crowds import MOMENT, Crowd, crowd, opt_out, small_batches

__all__ = ["crowd", "small_batches"]


def silence(*users: Any) -> None:
    TargetUserRecord.objects.filter(user__in=users).update(active=False)


def test_who_has_opted_out_or_has_no_record_is_skipped(crowd: Crowd, small_batches: int) -> None:
    users = crowd(8)
    opt_out(users[0], users[1], users[7])
    silence(users[1], users[2])
    assert notify(users, "Hello", "World") == 4
    notified = Notification.objects.values_list("target_user_record__user", flat=True)
    assert set(notified) == {user.pk for user in users[3:7]}


def test_an_inactive_opt_out_counts_for_nothing(user: Any, records: Any) -> None:
    NotificationOptOut.objects.create(user=user, active=False)
    assert notify(user, "Hello", "World") == 3


def nobody_at_all(users: list[Any]) -> list[Any]:
    return []


def all_opted_out(users: list[Any]) -> list[Any]:
    opt_out(*users)
    silence(users[0])
    return users


def none_with_a_record(users: list[Any]) -> list[Any]:
    silence(*users)
    return users


def some_of_each(users: list[Any]) -> list[Any]:
    opt_out(users[0], users[4])
    silence(*users)
    return users


def one_opted_out(users: list[Any]) -> Any:
    opt_out(users[0])
    return users[0]


def one_without_a_record(users: list[Any]) -> Any:
    silence(users[0])
    return users[0]


HOW_TO_OPT_IN = (
    "To notify again, delete the opt-out or take its tick away, in the admin under"
    " “Notification opt-outs”."
)

HOW_TO_ADD_RECORDS = (
    "Add a record, or switch one on, in the admin under “User Targets”. The command"
    " create_email_target_user_records adds a record for each user with an email address."
)


@pytest.mark.django_db
def test_a_record_that_nobody_can_add_by_hand_has_its_own_next_step(user: Any) -> None:
    target, _ = add_target("webpush")
    with pytest.raises(UserHasNoTargetRecords) as raised:
        notify(user, "Hello", target=target)
    assert "Add a record" not in str(raised.value)
    assert "when the user presses the button of webpush_button in a browser." in str(raised.value)


@pytest.mark.django_db
@pytest.mark.parametrize("reason", ["STOP", "opted out"])
def test_after_stop_the_error_does_not_ask_to_switch_the_record_on(
    reason: str, user: Any, records: dict[str, TargetUserRecord]
) -> None:
    TargetUserRecord.objects.filter(pk=records["Twilio"].pk).update(
        active=False, inactive_reason=reason
    )
    with pytest.raises(UserHasNoTargetRecords) as raised:
        notify(user, "Hello", "World", target="Twilio")
    assert str(raised.value) == (
        "User has no active targets: 'egg' has no active record in Twilio. The user has texted"
        " STOP. A text START switches the record on again."
    )
    records["Email"].delete()
    with pytest.raises(UserHasNoTargetRecords, match="Add a record, or switch one on"):
        notify(user, "Hello", "World", target=["Twilio", "Email"])


@pytest.mark.parametrize(
    ("arrange", "error", "message"),
    [
        (nobody_at_all, NotificationsNotCreated, "There are no users to notify."),
        (
            all_opted_out,
            UserIsOptedOut,
            f"All 5 users have opted out. {HOW_TO_OPT_IN}",
        ),
        (
            none_with_a_record,
            UserHasNoTargetRecords,
            "None of the 5 users has an active record in Twilio, Email, Expo."
            f" {HOW_TO_ADD_RECORDS}",
        ),
        (
            some_of_each,
            NotificationsNotCreated,
            "Of 5 users 2 have opted out and the others have no active record in Twilio, Email,"
            f" Expo. {HOW_TO_ADD_RECORDS}",
        ),
        (
            one_opted_out,
            UserIsOptedOut,
            f"User is opted out: 'user-0' wants no notifications. {HOW_TO_OPT_IN}",
        ),
        (
            one_without_a_record,
            UserHasNoTargetRecords,
            "User has no active targets: 'user-0' has no active record in Twilio, Email, Expo."
            f" {HOW_TO_ADD_RECORDS}",
        ),
    ],
)
def test_where_nobody_is_reached_the_error_says_why(
    arrange: Callable[[list[Any]], Any],
    error: type[Exception],
    message: str,
    crowd: Crowd,
    small_batches: int,
) -> None:
    users = arrange(crowd(5))
    with pytest.raises(error) as raised:
        notify(users, "Hello", "World")
    assert str(raised.value) == message
    assert notify(users, "Hello", "World", quiet=True) == 0
    assert notify(users, "Hello", "World", quiet=True, idempotency_key="a") == 0
    with pytest.raises(error):
        notify(users, "Hello", "World", idempotency_key="a")


def test_the_same_again_raises(crowd: Crowd, small_batches: int) -> None:
    users = crowd(5)
    assert notify(users, "Hello", "World", scheduled_delivery=MOMENT) == 5
    with pytest.raises(NotificationsNotCreated, match="exists already"):
        notify(users, "Hello", "World", scheduled_delivery=MOMENT)
    assert notify(users, "Hello", "World", scheduled_delivery=MOMENT, quiet=True) == 0
    assert Notification.objects.count() == 5


def test_only_the_new_are_created_and_counted(crowd: Crowd, small_batches: int) -> None:
    notify(crowd(4), "Hello", "World", scheduled_delivery=MOMENT)
    crowd(3)
    assert notify(crowd.user_model.objects, "Hello", "World", scheduled_delivery=MOMENT) == 3


# An idempotency key


def test_with_a_key_a_second_call_creates_nothing(user: Any, records: Any) -> None:
    assert notify(user, "Hello", "World", idempotency_key="order-1") == 3
    assert notify(user, "Hello", "World", idempotency_key="order-1") == 0
    assert Notification.objects.count() == 3
    assert set(Notification.objects.values_list("idempotency_key", flat=True)) == {"order-1"}


def test_the_key_alone_counts(user: Any, records: Any) -> None:
    notify(user, "Hello", "World", idempotency_key="order-1", target="Expo")
    assert (
        notify(
            user,
            "Another",
            "text",
            idempotency_key="order-1",
            target="Expo",
            extra={"a": 1},
            scheduled_delivery=MOMENT,
        )
        == 0
    )
    assert notify(user, "Hello", "World", idempotency_key="order-2", target="Expo") == 1
    assert notify(user, "Hello", "World", idempotency_key="Order-2", target="Expo") == 1


def test_with_a_key_the_rest_is_made_up_for(crowd: Crowd, small_batches: int) -> None:
    first = crowd(4)
    assert notify(first, "Hello", "World", idempotency_key="news") == 4
    second = crowd(4)
    assert notify([*first, *second], "Hello", "World", idempotency_key="news") == 4
    assert Notification.objects.count() == 8


def test_a_key_holds_after_delivery_and_after_a_retry(user: Any, records: Any) -> None:
    notify(user, "Hello", "World", idempotency_key="order-1")
    Notification.objects.update(
        status=Notification.RETRY, scheduled_delivery=MOMENT, attempted_delivery=MOMENT
    )
    assert notify(user, "Hello", "World", idempotency_key="order-1") == 0
