from datetime import date
from decimal import Decimal
from typing import Any

from django.utils import timezone
from shop.models import Order

from django_notification_system.types import NotificationType, register


@register
class PaymentDue(NotificationType):
    targets = ("email", "expo")
    templates = "shop/payment_due"
    prefetch_related = {"order": ["parcel_set"]}
    order: Order
    due: date
    amount: Decimal | None = None

    def should_send(self, user: Any) -> bool:
        return not self.order.is_cancelled

    def extra(self, target_key: str) -> dict[str, Any]:
        if target_key == "expo":
            return {"data": {"order": self.order.number}}
        return {"reply_to": ["billing@example.com"]}

    @property
    def days_left(self) -> int:
        return (self.due - timezone.localdate()).days
