"""Signals for the project's own code, sent once an outcome is committed.

Each receiver gets ``notification``, with its new status, and ``response``, the line for people.
An error in a receiver is logged and harms no delivery.
"""

from django.dispatch import Signal

#: A provider took the message.
notification_delivered = Signal()
#: It will not be tried again.
notification_failed = Signal()
#: It will be tried again at ``notification.scheduled_delivery``.
notification_retrying = Signal()
