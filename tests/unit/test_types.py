"""Types: declared, refused where wrong, stored in ``extra``, and read again."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile, File
from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from django_notification_system.exceptions import InvalidNotification
from django_notification_system.message_types.instances import read_objects, said_of_gone
from django_notification_system.message_types.kinds import ObjectGone
from django_notification_system.message_types.stored import (
    UnknownType,
    UnusableParameters,
    extra_of,
    stored_of,
)
from django_notification_system.storable import json_object
from django_notification_system.types import (
    NotificationType,
    all_types,
    find_type,
    known_types,
    register,
)
from tests.support.shop.models import Order, Parcel


class Size(models.TextChoices):
    SMALL = "s", gettext_lazy("small")
    LARGE = "l", gettext_lazy("large")


class Level(Enum):
    LOW = 1
    HIGH = 2


@pytest.fixture(autouse=True)
def none_known() -> Iterator[None]:
    with known_types():
        yield


def there_and_back(message: NotificationType) -> Any:
    """Store a message as the database would, and read it again."""
    stored = stored_of(json_object(extra_of(message)))
    assert stored is not None
    return stored.instance(read_objects(stored.references()))


class OrderShipped(NotificationType):
    """The example of the documentation."""

    order: Order
    eta: date | None = None


def test_a_type_has_a_key_of_app_and_class() -> None:
    register(OrderShipped)
    assert OrderShipped.key == "tests.OrderShipped"  # in no app
    assert find_type("tests.OrderShipped") is OrderShipped
    assert all_types() == [OrderShipped]


def test_a_type_in_an_app_is_found_at_start_under_the_apps_label() -> None:
    from tests.support.shop.notification_types import Found

    assert Found.key == "shop.Found"


def test_a_type_may_have_a_key_of_its_own_and_hands_it_to_no_subclass() -> None:
    @register
    class Renamed(NotificationType):
        key = "old_shop.OrderShipped"

    @register
    class Sub(Renamed):
        pass

    assert find_type("old_shop.OrderShipped") is Renamed
    assert Sub.key == "tests.Sub"


@pytest.mark.parametrize(
    "key", ["shipped", "shop.", ".x", "shop.a b", "shop.é", 7, "a." + "b" * 99]
)
def test_a_wrong_key_is_refused_by_name(key: Any) -> None:
    class Wrong(NotificationType):
        pass

    Wrong.key = key
    with pytest.raises(ImproperlyConfigured, match=r"Wrong has the key .*with a dot between"):
        register(Wrong)


def test_a_second_type_of_a_key_is_refused_and_the_same_class_is_not() -> None:
    def make() -> type[NotificationType]:
        class Twice(NotificationType):
            key = "shop.Twice"

        return Twice

    class Other(NotificationType):
        key = "shop.Twice"

    register(make())
    register(newest := make())  # as when a module is imported anew
    assert find_type("shop.Twice") is newest
    with pytest.raises(ImproperlyConfigured, match=r"Two types have the key 'shop\.Twice'.*Other"):
        register(Other)


@pytest.mark.parametrize("wrong", [None, 7, str, OrderShipped(order=Order())])
def test_only_classes_of_types_are_registered(wrong: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="takes a class of NotificationType"):
        register(wrong)


def test_parameters_are_named_and_cannot_be_changed() -> None:
    message = OrderShipped(order=Order(number=7))
    with pytest.raises(AttributeError):
        message.eta = date(2027, 1, 5)  # type: ignore[misc]
    for wrong in ({}, {"order": Order(), "colour": 1}):
        with pytest.raises(TypeError, match=r"order|colour"):
            OrderShipped(**wrong)
    with pytest.raises(TypeError):
        OrderShipped(Order())  # type: ignore[call-arg]


@pytest.mark.parametrize("name", ["user", "notification", "type", "extra", "notify", "key"])
def test_a_parameter_with_a_taken_name_is_refused(name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"has a parameter '{name}'"):
        type("Wrong", (NotificationType,), {"__annotations__": {name: str}})


def test_a_parameter_of_another_kind_is_a_type_error_at_the_call() -> None:
    for wrong in (17, None, User()):
        with pytest.raises(TypeError, match="OrderShipped: order must be Order, not"):
            OrderShipped(order=wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="eta must be date or None, not datetime"):
        OrderShipped(order=Order(), eta=datetime(2027, 1, 5, tzinfo=UTC))


def test_an_annotation_out_of_reach_is_named() -> None:
    class Wrong(NotificationType):
        order: "Nowhere"  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(ImproperlyConfigured, match=r"Wrong: an annotation .*'Nowhere'"):
        register(Wrong)


@pytest.mark.parametrize(
    "annotation", [date | str, list[int] | tuple[str, ...], Order | dict[str, int]]
)
def test_a_union_whose_stored_values_look_alike_is_refused(annotation: Any) -> None:
    wrong = type("Wrong", (NotificationType,), {"__annotations__": {"when": annotation}})
    with pytest.raises(ImproperlyConfigured, match=r"Wrong: when: .*could not be told apart"):
        register(wrong)


@pytest.mark.parametrize("targets", ["email", None])
def test_targets_that_are_no_tuple_are_refused(targets: Any) -> None:
    with pytest.raises(
        ImproperlyConfigured, match=r"Wrong: targets must be a tuple .*\(\"email\",\)"
    ):
        type("Wrong", (NotificationType,), {"targets": targets})


MOMENT = datetime(2027, 1, 5, 12, 30, 1, 5, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (str, "text"),
        (Annotated[str, "a note"], ""),
        (int, 7),
        (float, 0.5),
        (int | float, 7),
        (bool, True),
        (Any, {"a": [1, None]}),
        (date, date(2027, 1, 5)),
        (datetime, MOMENT),
        (datetime, datetime(2027, 1, 5, 12)),  # noqa: DTZ001
        (time, time(8, 30)),
        (timedelta, timedelta(days=-1, microseconds=1)),
        (timedelta, timedelta(hours=26, seconds=3)),
        (Decimal, Decimal("1.10")),
        (UUID, uuid4()),
        (Size, Size.LARGE),
        (Level, Level.HIGH),
        (Literal["a", 2], 2),
        (date | None, None),
        (date | None, date(2027, 1, 5)),
        (int | str | None, "7"),
        (list[date], [date(2027, 1, 5)]),
        (list[tuple[str, Decimal]], [("a", Decimal("0.1"))]),
        (tuple[int, ...], (1, 2)),
        (tuple[int, ...], ()),
        (dict[str, timedelta], {"wait": timedelta(1)}),
        (list[Decimal] | None, [Decimal(1)]),
        (list, [1, "a"]),
        (dict, {"a": 1}),
    ],
)
def test_a_value_comes_back_as_annotated(annotation: Any, value: Any) -> None:
    cls = register(type("Cls", (NotificationType,), {"__annotations__": {"value": annotation}}))
    back = there_and_back(cls(value=value)).value  # type: ignore[call-arg]
    assert back == value
    assert type(back) is type(value)
    if isinstance(value, list | tuple) and value:
        assert type(back[0]) is type(value[0])


def test_a_translation_is_stored_as_its_text() -> None:
    @register
    class Translated(NotificationType):
        value: str

    lazy: Any = gettext_lazy("Sunday")
    assert isinstance(lazy, Promise)
    assert there_and_back(Translated(value=lazy)).value == "Sunday"


@pytest.mark.django_db
def test_instances_come_back_with_one_query_a_model(django_assert_num_queries: Any) -> None:
    @register
    class Many(NotificationType):
        orders: list[Order]
        parcel: Parcel | None
        anything: Order | Group

    orders = [Order.objects.create(number=number) for number in range(3)]
    parcel = Parcel.objects.create(order=orders[0])
    group = Group.objects.create(name="g")
    extra = extra_of(Many(orders=orders, parcel=parcel, anything=group))
    assert extra["params"]["orders"][0] == {"model": "shop.order", "pk": orders[0].pk}
    assert extra["params"]["parcel"] == {"model": "shop.parcel", "pk": str(parcel.pk)}
    stored = stored_of(json_object(extra))
    assert stored is not None
    with django_assert_num_queries(3):
        back: Any = stored.instance(read_objects(stored.references()))
    assert (back.orders, back.parcel, back.anything) == (orders, parcel, group)


@pytest.mark.django_db
def test_a_deleted_object_is_named() -> None:
    register(OrderShipped)
    order = Order.objects.create(number=17)
    stored = stored_of(extra_of(OrderShipped(order=order)))
    assert stored is not None
    pk = order.pk
    order.delete()
    with pytest.raises(ObjectGone) as gone:
        stored.instance(read_objects(stored.references()))
    assert said_of_gone(gone.value) == f"Order {pk} does not exist any more."


class Queries(NotificationType):
    value: Any


class Files(NotificationType):
    picture: File  # type: ignore[type-arg] # not generic at run time


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (OrderShipped(order=Order(number=1)), "order is an unsaved Order. Save it first"),
        (Queries(value=Order(number=1)), "value is a Order, which JSON cannot hold"),
        (Queries(value=date(2027, 1, 5)), "value is a date, which JSON cannot hold"),
        (Queries(value=float("nan")), "value is nan"),
        (Queries(value={"a": object()}), r'value\["a"\] is a object'),
        (Queries(value=User.objects.all()), "value is a queryset, which cannot be stored"),
        (Files(picture=ContentFile(b"x")), "picture is a ContentFile, and such a value cannot"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_the_parameters_name(
    message: NotificationType, complaint: str
) -> None:
    register(type(message))
    with pytest.raises(InvalidNotification, match=complaint) as raised:
        extra_of(message)
    assert raised.value.argument in ("order", "value", "picture")


def test_a_type_that_is_not_registered_cannot_be_sent() -> None:
    with pytest.raises(InvalidNotification, match="OrderShipped is not registered"):
        extra_of(OrderShipped(order=Order()))


@pytest.mark.parametrize(
    ("extra", "body"),
    [
        ({}, ""),
        (None, ""),
        ([], ""),
        ({"type": "chat", "params": {}}, ""),
        ({"type": "shop.Chat"}, ""),
        ({"type": "shop.Chat", "params": []}, ""),
        ({"type": 7, "params": {}}, ""),
        ({"type": "shop.Chat", "params": {}}, "A body"),
        ({"type": "shop.Chat", "params": {}, "template_name": "a.html"}, ""),
    ],
)
def test_other_notifications_are_of_no_type(extra: Any, body: str) -> None:
    assert stored_of(extra, body) is None


def test_an_unknown_type_is_told_apart() -> None:
    stored = stored_of({"type": "shop.Newer", "params": {}})
    assert stored is not None
    with pytest.raises(UnknownType):
        list(stored.references())
    with pytest.raises(UnknownType):
        stored.instance({})


def test_parameters_of_an_older_class_are_taken_as_far_as_they_fit() -> None:
    @register
    class Changed(NotificationType):
        key: ClassVar[str] = "shop.Changed"
        count: int
        added: str = "default"

    def changed(**params: Any) -> Any:
        stored = stored_of({"type": "shop.Changed", "params": params})
        assert stored is not None
        return stored.instance({})

    assert changed(count=1, removed="x") == Changed(count=1)
    with pytest.raises(UnusableParameters, match=r"shop\.Changed needs count, .*a default"):
        changed(added="x")
    with pytest.raises(UnusableParameters, match="stored value of count is no int"):
        changed(count="many")


def test_a_number_stored_before_the_parameter_became_a_uuid_does_not_fit() -> None:
    @register
    class Changed(NotificationType):
        key: ClassVar[str] = "shop.Changed"
        order: UUID

    stored = stored_of({"type": "shop.Changed", "params": {"order": 17}})
    assert stored is not None
    with pytest.raises(UnusableParameters, match="stored value of order is no UUID"):
        stored.instance({})
