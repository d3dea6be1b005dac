"""Signals of the inbox, sent once the change is committed.

The sender is the class ``InboxItem``. An error in a receiver is logged and harms nobody.
"""

from django.dispatch import Signal

#: Items were added. A receiver gets ``event``, an ``InboxEvent``, ``user_ids``, the keys of at most
#: 2,500 users, ``visible_from``, which may be in the future, and ``using``, the database's alias.
inbox_added = Signal()
#: Items are unread no more: read, or archived unread. A receiver gets ``item_ids`` and
#: ``user_ids``, the keys of at most 1,000 items and of their users, and ``using``.
inbox_read = Signal()
