from django.contrib.auth import get_user_model

from django_notification_system.contrib.inbox.models import InboxItem

user = get_user_model().objects.get(username="egg")
number = InboxItem.objects.unread_count(user)  # no further than 100: "99+"
inbox = InboxItem.objects.of(user)
page = inbox.newest(20)  # with their events, in two queries
next_page = inbox.newest(20, before=page[-1].cursor)
inbox.filter(pk=page[0].pk).mark_read()
inbox.mark_read()  # all, a thousand at a time
inbox.archive()
