"""The calls of django-notifications-hq, for projects that move from there.

``from django_notification_system.contrib.inbox.compat import notify`` gives ``notify.send()``;
``compat.user`` gives ``user.notifications``. New code calls ``notify()`` and ``InboxItem.objects``.
"""
