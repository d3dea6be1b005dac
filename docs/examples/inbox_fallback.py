from datetime import timedelta

from django.contrib.auth import get_user_model

from django_notification_system.notification_creators.notify import notify
from django_notification_system.on_site import Fallback

user = get_user_model().objects.get(username="egg")
notify(
    user,
    "A reply to your question",
    "Press the red button.",
    target=["inbox", Fallback("Email", after=timedelta(minutes=10))],
)
