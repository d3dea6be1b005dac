from django.contrib.auth import get_user_model

from django_notification_system.contrib.inbox.models import InboxItem
from django_notification_system.notification_creators.notify import notify

users = get_user_model().objects.all()
actor = user = page = users.get(username="egg")
# notify.send(actor, recipient=users, verb="commented", target=page)
notify(
    users,
    f"{actor} commented on {page}",
    target="inbox",
    extra={"verb": "commented"},
    actor=actor,
    about=page,
)

# user.notifications.unread()
unread = InboxItem.objects.of(user).unread()
