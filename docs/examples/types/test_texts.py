from shop.models import Order
from shop.notification_types import OrderShipped

from django_notification_system.testing import render


def test_the_mail_is_in_german() -> None:
    texts = render(OrderShipped(order=Order(number=17)), target="email", language="de")
    assert texts.title == "Ihre Bestellung 17 ist unterwegs"
    assert "<p>Guten Tag" in texts.body
