from django.contrib.auth import get_user_model

from django_notification_system import notify

notify(
    get_user_model().objects.get(username="egg"),
    "Harvest",
    "The wheat is in.",
    target="Carrier Pigeon",
)
