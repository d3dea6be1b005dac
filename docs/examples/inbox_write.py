from django.contrib.auth import get_user_model

from django_notification_system.notification_creators.notify import notify

users = get_user_model().objects.all()
chef = users.get(username="egg")
created = notify(
    users,
    "Breakfast is ready",
    "Eggs and ham.",
    target=["inbox", "Email"],
    extra={"url": "/breakfast/", "level": "success"},
    actor=chef,
    idempotency_key="breakfast-17",
)
