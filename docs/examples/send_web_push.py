from django.contrib.auth import get_user_model

from django_notification_system import notify

user = get_user_model().objects.get(username="egg")

notify(
    user,
    "Breakfast is ready",
    "Come while it is hot.",
    target="Web Push",
    extra={"url": "/breakfast/", "tag": "breakfast"},
)
