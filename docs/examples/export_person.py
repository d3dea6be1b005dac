from django.contrib.auth import get_user_model

from django_notification_system import export_person_data

data = export_person_data(get_user_model().objects.get(username="egg"))

print(sorted(data))
print([notification["title"] for notification in data["notifications"]])
