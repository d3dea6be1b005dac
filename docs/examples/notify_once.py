from django.contrib.auth import get_user_model

from django_notification_system import notify

user = get_user_model().objects.get(username="egg")

for _ in range(2):  # a task that runs a second time after a crash, say
    created = notify(
        user,
        "Invoice 1021",
        "Please pay 12 euros by Friday.",
        target="Email",
        idempotency_key="invoice-1021",
    )
    print(f"{created} created")
