from django.contrib.auth import get_user_model

from django_notification_system.contrib.inbox.compat import notify
from django_notification_system.contrib.inbox.compat.user import notifications_of

users = get_user_model().objects.all()
actor = user = users.get(username="egg")
notify.send(actor, recipient=users, verb="logged in", level="success", device="phone")

notifications = notifications_of(user)
unread = list(notifications.unread())
read = notifications.mark_all_as_read()
