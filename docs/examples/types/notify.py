from django.contrib.auth import get_user_model
from shop.models import Order
from shop.notification_types import OrderShipped

order = Order.objects.get(number=1021)
customer = get_user_model().objects.get(username="egg")

OrderShipped(order=order).notify(customer, idempotency_key=f"shipped-{order.pk}")
