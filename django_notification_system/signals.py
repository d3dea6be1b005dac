"""Signals for the project's own code, sent once an outcome is committed.

The sender is the class ``Notification``. Each receiver gets ``notification``, with its new status,
and ``response``, the line for people. An error in a receiver is logged and harms no delivery.
"""

from django.dispatch import Signal

#: A provider took the message, which is ``DELIVERED``.
notification_delivered = Signal()
#: It is ``RETRY``, and will be tried again at ``notification.scheduled_delivery``.
notification_retrying = Signal()
#: It will not be tried again, and is ``DELIVERY FAILURE``, ``INACTIVE DEVICE``, ``OPTED OUT`` or
#: ``EXPIRED``. The latter three are sent also where a run settles a notification without an
#: attempt. It is sent as well, after ``notification_delivered``, where a provider reports later
#: that a message has failed.
notification_failed = Signal()

#: Private. Notifications were created, in a transaction that is still open: ``notifications``, and
#: ``using``, the database's alias. The models know no engine; the engine hears of them by this.
notifications_created = Signal()
