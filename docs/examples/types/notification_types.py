from collections.abc import Iterator

from shop.models import Order

from django_notification_system import categories
from django_notification_system.types import NotificationType, register

ORDERS = categories.register(categories.Category("orders", label="Your orders"))


@register
class OrderShipped(NotificationType):
    category = ORDERS
    targets = ("email",)
    templates = "shop/order_shipped"
    order: Order

    @classmethod
    def previews(cls) -> Iterator[tuple[str, "OrderShipped"]]:
        yield "eggs", cls(order=Order(number=17))
