from django.contrib.auth import get_user_model

from django_notification_system import notify

notify(
    get_user_model().objects.get(username="egg"),
    "Order 17 is on its way",
    "Two eggs Benedict, expected at 8:45.",
    target="Webhook",
    extra={"type": "order.shipped", "data": {"order": 17, "expected": "2026-05-17T08:45:00Z"}},
)
