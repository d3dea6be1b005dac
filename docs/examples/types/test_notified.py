from django.contrib.auth import get_user_model
from django.test import TestCase
from shop.models import Order
from shop.notification_types import OrderShipped

from django_notification_system.models import NotificationTarget, TargetUserRecord
from django_notification_system.testing import assert_notified, use_outbox


class ShippingTest(TestCase):
    def test_the_customer_hears_of_the_order(self) -> None:
        ann = get_user_model().objects.create_user("ann", "ann@example.com")
        email = NotificationTarget.objects.get(name="Email")
        TargetUserRecord.objects.create(user=ann, target=email, target_user_id=ann.email)
        order = Order.objects.create(number=17)
        with use_outbox() as outbox:
            OrderShipped(order=order).notify(ann)
            outbox.deliver()
            assert_notified(ann, type=OrderShipped, params={"order": order})
            [message] = outbox.of(OrderShipped)
        self.assertEqual(message.title, "Your order 17 has shipped")
