from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from django_notification_system import notify

user = get_user_model().objects.get(username="egg")
invoice = default_storage.save("invoices/1021.pdf", ContentFile(b"%PDF-1.7 the invoice"))

notify(
    user,
    "Your order has shipped",
    target="Email",
    extra={
        "template_name": "order_shipped.html",
        "order": {"number": 1021, "items": ["Eggs", "Hollandaise"]},
        "cc": ["kitchen@example.com"],
        "reply_to": ["orders@example.com"],
        "headers": {"X-Order": "1021"},
        "attachments": [invoice],
    },
)
