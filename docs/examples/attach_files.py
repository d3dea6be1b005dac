from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile

from django_notification_system import notify

data = b"%PDF-1.4 ..."
notify(
    get_user_model().objects.get(username="egg"),
    "Your invoice",
    "It is attached.",
    target="Email",
    attachments=[
        ("invoice.pdf", data, "application/pdf"),
        ContentFile("sku,count\n17,2\n", name="items.csv"),
    ],
)
