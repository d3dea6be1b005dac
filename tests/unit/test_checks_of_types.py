"""What the system checks say of types, before the first message is made."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.core.files import File
from django.test import override_settings
from django.utils import timezone

from django_notification_system.checks_of_types import (
    check_previews,
    check_types,
    check_waiting_types,
)
from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.types import NotificationType, known_types
from tests.support.shop.models import Order


class Fine(NotificationType):
    key = "shop.Fine"
    templates = "shop/order_shipped"
    order: Order

    @classmethod
    def previews(cls) -> Iterator[tuple[str, "Fine"]]:
        yield "an order", cls(order=Order(number=1))


def said(found: list[CheckMessage]) -> list[str]:
    return [f"{each.id.rpartition('.')[2]}: {each.msg}" for each in found if each.id]


def test_a_type_in_order_is_passed_without_a_query() -> None:
    with known_types(Fine):
        assert check_types() == []
        assert check_previews() == []
        assert check_waiting_types() == []


class Unresolved(NotificationType):
    key = "shop.Odd"
    order: "Nowhere"  # type: ignore[name-defined]  # noqa: F821


class WithFiles(NotificationType):
    key = "shop.Odd"
    templates = "shop/order_shipped"
    pictures: list[File]  # type: ignore[type-arg] # not generic at run time


class Untitled(NotificationType):
    key = "shop.Odd"
    templates = "shop/nowhere"


class Uncategorized(NotificationType):
    key = "shop.Odd"
    templates = "shop/order_shipped"
    category = "nowhere"


class Broken(NotificationType):
    key = "shop.Odd"
    templates = "shop/broken"


class BrokenTitle(NotificationType):
    key = "shop.Odd"
    templates = "shop/broken_title"


class OfNoParameter(Fine):
    key = "shop.Odd"
    prefetch_related = {"ordr": ["parcel_set"]}


class OfNoInstance(Fine):
    key = "shop.Odd"
    prefetch_related = {"note": ["parcel_set"]}
    note: str = ""


class OfNoRelation(Fine):
    key = "shop.Odd"
    prefetch_related = {"order": ["parcel_set__order", "parcel_set__nowhere"]}


@pytest.mark.parametrize(
    ("cls", "complaint"),
    [
        (OfNoParameter, "prefetch_related names 'ordr', which is no parameter"),
        (OfNoInstance, "prefetch_related names 'note', which is no instance of a model"),
        (OfNoRelation, "'parcel_set__nowhere' for order: Parcel has no relation 'nowhere'"),
        (Unresolved, "an annotation cannot be resolved"),
        (WithFiles, "the parameter pictures is a File, which cannot be stored"),
        (Untitled, "there is no template 'shop/nowhere/title.txt'"),
        (Uncategorized, "category is 'nowhere', and there is no such category"),
        (Broken, r"A template of shop\.Odd cannot be used: .*'nonsense'"),
        (BrokenTitle, "the template 'shop/broken_title/title.txt' does not compile"),
    ],
)
def test_a_fault_of_a_type_is_told_at_start(
    cls: type[NotificationType], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_notification_system.checks_of_types.all_types", lambda: [cls])
    found = check_types()
    assert any(re.search(complaint, each) for each in said(found)), found
    assert all(each.startswith("E020: The type shop.Odd: ") for each in said(found))
    assert all("docs/howto/types.rst" in str(each.hint) for each in found)


@pytest.mark.parametrize("option", ["USER_LANGUAGE", "USER_TIME_ZONE"])
@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("nowhere", "is neither a field of User, nor does it name a function"),
        ("profile.nowhere", "'profile' has no field 'nowhere'"),
        ("email.host", "'email' has no field 'host'"),
        ("groups.name", "'groups' leads to many rows"),
        ("shop.nowhere.of_users", "nor does it name a function"),
        ("django.conf.ENVIRONMENT_VARIABLE", "names a str, no function"),
    ],
)
def test_a_wrong_way_to_a_users_value_is_told(option: str, value: str, complaint: str) -> None:
    with override_settings(NOTIFICATION_SYSTEM={option: value}):
        (message,) = said(check_types())
    assert message.startswith(f"E015: NOTIFICATION_SYSTEM['{option}']: ")
    assert complaint in message


@pytest.mark.parametrize("value", ["email", "profile.language", "profile__language", None])
def test_a_right_way_is_passed(value: Any) -> None:
    with override_settings(NOTIFICATION_SYSTEM={"USER_LANGUAGE": value}):
        assert check_types() == []


class Previewed(Fine):
    key = "shop.Previewed"
    shown: Any = None

    @classmethod
    def previews(cls) -> Any:
        raise KeyError("number")


class Pairless(Fine):
    key = "shop.Pairless"

    @classmethod
    def previews(cls) -> Any:
        yield "alone"


class Failing(NotificationType):
    key = "shop.Failing"
    targets = ("email",)
    templates = "shop/failing"
    number: int = 2

    @classmethod
    def previews(cls) -> Any:
        yield "second", cls()


def test_a_preview_that_fails_is_told_before_a_deployment() -> None:
    with known_types(Previewed, Pairless, Failing):
        assert said(check_previews()) == [
            "E017: The type shop.Previewed: previews() raised KeyError: 'number'",
            "E017: The type shop.Pairless: previews() must yield pairs of a name and an instance.",
            "E017: The type shop.Failing: the preview 'second' for email: the template"
            " 'shop/failing/text.txt' could not be rendered (TemplateDoesNotExist:"
            " shop/nowhere.txt)",
        ]


@pytest.mark.django_db
def test_notifications_of_a_removed_type_are_told(loft: TargetUserRecord) -> None:
    Notification.objects.create(
        target_user_record=loft,
        title="t",
        extra={"type": "shop.Removed", "params": {}},
        scheduled_delivery=timezone.now(),
    )
    assert check_waiting_types(databases=["default"]) == []  # nobody has tried
    list(Run())
    assert said(check_waiting_types(databases=["default"])) == [
        "W009: Notifications of the type 'shop.Removed' wait, and no module notification_types"
        " registers the type."
    ]
    assert check_waiting_types() == []
    Notification.objects.all().cancel()
    assert check_waiting_types(databases=["default"]) == []
