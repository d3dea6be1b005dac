from datetime import date

from django.contrib.auth import get_user_model

from django_notification_system import notify
from django_notification_system.exceptions import InvalidNotification

user = get_user_model().objects.get(username="egg")

try:
    notify(user, "Invoice", "See below.", extra={"invoice": {"due": date(2026, 12, 1)}})
except InvalidNotification as error:
    print(error)
