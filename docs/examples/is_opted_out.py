from django.contrib.auth import get_user_model

from django_notification_system.exceptions import UserIsOptedOut
from django_notification_system.utils import check_for_user_opt_out

user = get_user_model().objects.get(username="egg")

try:
    check_for_user_opt_out(user)
except UserIsOptedOut:
    print("Egg wants to hear nothing.")
