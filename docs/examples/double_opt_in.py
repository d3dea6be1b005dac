from datetime import timedelta

from django.contrib.auth import get_user_model
from django.core import signing

from django_notification_system.categories import Category, register
from django_notification_system.preferences import set_preference

register(Category("club", label="The club", opt_in=True, confirm=True))

user = get_user_model().objects.get(username="egg")

# The view of the form. The token goes into the link.
print(set_preference(user, "club", "email", wanted=True, how="page"))
token = signing.dumps(user.pk, salt="club")

# The view behind the link, when the button of its page was clicked.
key = signing.loads(token, salt="club", max_age=timedelta(days=3))
user = get_user_model().objects.get(pk=key)
print(set_preference(user, "club", "email", wanted=True, how="link"))
