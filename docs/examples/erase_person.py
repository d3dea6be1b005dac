from django.contrib.auth import get_user_model

from django_notification_system import erase_person_data

erased = erase_person_data(get_user_model().objects.get(username="egg"))

print("Deleted notifications:", erased.notifications)
