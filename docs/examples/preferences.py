from django.contrib.auth import get_user_model

from django_notification_system.preferences import allows, effective, set_preference

user = get_user_model().objects.get(username="egg")

set_preference(user, "news", "email", wanted=False, how="page")
print(allows(user, "news", "email"))
print(effective(user)["news"]["email"])
