"""The outbox and the assertions know the types of messages."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from django_notification_system import notify
from django_notification_system.models import TargetUserRecord
from django_notification_system.testing import (
    Outbox,
    assert_not_notified,
    assert_notified,
    render,
)
from django_notification_system.types import NotificationType, known_types
from tests.support.shop.models import Order

Records = dict[str, TargetUserRecord]


class Shipped(NotificationType):
    key = "shop.Shipped"
    targets = ("email",)
    templates = "shop/order_shipped"
    order: Order
    price: Decimal | None = None

    def should_send(self, user: Any) -> bool:
        return not self.order.is_cancelled


class Paid(NotificationType):
    key = "shop.Paid"
    targets = ("email",)
    templates = "shop/order_shipped"
    order: Order


class Unregistered(Paid):
    key = "shop.Unregistered"


@pytest.fixture(autouse=True)
def types() -> Iterator[None]:
    with known_types(Shipped, Paid):
        yield


@pytest.fixture
def order(db: None) -> Order:
    return Order.objects.create(number=17)


def failure_of(assertion: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(AssertionError) as failed:
        assertion(*arguments, **options)
    return str(failed.value)


def test_messages_are_found_by_type_and_parameters(
    outbox: Outbox, user: Any, records: Records, order: Order
) -> None:
    other = Order.objects.create(number=18)
    Shipped(order=order, price=Decimal("9.90")).notify(user)
    Paid(order=order).notify(user)
    notify(user, "Breakfast", "Come.", target="Email", extra={"type": "shop.Shipped"})
    outbox.deliver()
    assert len(outbox) == 3

    [message] = outbox.of(Shipped)
    assert message.type is Shipped
    assert [each.type for each in outbox if each.title == "Breakfast"] == [None]
    assert assert_notified(user, type=Shipped, params={"order": order}) == [message]
    assert outbox.of(Shipped, params={"price": Decimal("9.9"), "order": order}) == [message]
    assert outbox.of(Shipped, params={"order": other}) == []
    assert outbox.of(Shipped, params={"price": None}) == []
    assert_not_notified(user, type=Shipped, params={"price": Decimal(1)})
    assert_notified(user, type=Paid, count=1)


def test_a_failure_names_the_type_and_should_send(
    outbox: Outbox, user: Any, records: Records, order: Order
) -> None:
    order.is_cancelled = True
    assert Shipped(order=order).notify(user, quiet=True) == 0
    said = failure_of(assert_notified, user, type=Shipped, params={"order": order})
    assert said.startswith("egg was not notified (type=shop.Shipped, params={'order': <Order: #17>")
    assert "shop.Shipped has should_send(): where this method says no at notify()" in said
    assert "should_send" not in failure_of(assert_notified, user, type=Paid)


def test_what_should_send_ended_before_the_send_is_explained(
    outbox: Outbox, user: Any, records: Records, order: Order
) -> None:
    Shipped(order=order).notify(user)
    Order.objects.update(is_cancelled=True)
    outbox.deliver()
    said = failure_of(assert_notified, user, type=Shipped)
    assert "should_send() of shop.Shipped said no right before the send." in said


def test_an_object_that_is_gone_is_explained(
    outbox: Outbox, user: Any, records: Records, order: Order
) -> None:
    Paid(order=order).notify(user)
    key = order.pk
    order.delete()
    outbox.deliver()
    said = failure_of(assert_notified, user, type=Paid)
    assert f"is CANCELLED. Order {key} does not exist any more." in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"type": Unregistered}, "'Unregistered' is no registered type"),
        ({"type": "shop.Shipped"}, "'shop.Shipped' is no registered type"),
        ({"params": {"order": 1}}, "params belongs to a type"),
        (
            {"type": Shipped, "params": {"oder": 1}},
            "Shipped has no parameter 'oder'. Did you mean 'order'? The parameters are: order,",
        ),
        ({"type": Shipped, "params": {"order": 17}}, "order must be Order, not int"),
    ],
)
@pytest.mark.django_db
def test_a_condition_that_no_message_could_meet_is_refused(
    outbox: Outbox, user: Any, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(TypeError, match=said.replace("?", r"\?")):
        assert_not_notified(user, **options)


@pytest.mark.parametrize(
    "misspelt", [{"target": "emial"}, {"language": "xx"}, {"time_zone": "Europe/Berlyn"}]
)
def test_a_misspelt_name_renders_no_other_texts(misspelt: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"There is no .* '(emial|xx|Europe/Berlyn)'"):
        render(Shipped(order=Order(number=17)), **misspelt)
