"""Types of notifications by FCM: a type's template for push messages counts."""

import pytest

from django_notification_system.models import TargetUserRecord
from django_notification_system.testing.providers import ProviderStandIn
from django_notification_system.types import NotificationType, known_types
from tests.support.provider_support import Process
from tests.support.shop.models import Order

pytestmark = pytest.mark.django_db


class Shipped(NotificationType):
    key = "shop.Shipped"
    targets = ("fcm",)
    templates = "shop/order_shipped"
    order: Order
    note: str = ""


def test_a_push_message_has_its_own_template(
    fcm: ProviderStandIn, process: Process, record: TargetUserRecord
) -> None:
    with known_types(Shipped):
        Shipped(order=Order.objects.create(number=17), note="a & b").notify(record.user)
        process()
    [message] = fcm.received
    assert message.fields["notification"]["body"] == "17 is on its way, a & b"
