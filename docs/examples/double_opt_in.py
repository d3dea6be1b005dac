from django.contrib.auth import get_user_model

from django_notification_system.categories import Category, register
from django_notification_system.preferences import set_preference

register(Category("club", label="The club", opt_in=True, confirm=True))

user = get_user_model().objects.get(username="egg")

# The form. Now send a mail with a link; see django.core.signing for its token.
print(set_preference(user, "club", "email", wanted=True, how="page"))

# The view behind the link.
print(set_preference(user, "club", "email", wanted=True, how="link"))
