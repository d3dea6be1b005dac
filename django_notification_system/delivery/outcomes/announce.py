"""Signals to the project's own code after an outcome is recorded."""

from collections.abc import Iterable
from functools import partial

from django.db import transaction

from ... import signals
from ...models import Notification

SIGNAL_OF_STATUS = {
    Notification.DELIVERED: signals.notification_delivered,
    Notification.RETRY: signals.notification_retrying,
    Notification.DELIVERY_FAILURE: signals.notification_failed,
    Notification.INACTIVE_DEVICE: signals.notification_failed,
    Notification.OPTED_OUT: signals.notification_failed,
    Notification.EXPIRED: signals.notification_failed,
}


def announce(notifications: Iterable[Notification], *, using: str) -> None:
    """Send the signal of each notification's new status, once the transaction is committed.

    Args:
        notifications: The recorded notifications, with their new status and response.
        using: The alias of the database whose commit the signals wait for.
    """
    for notification in notifications:
        signal = SIGNAL_OF_STATUS.get(notification.status)
        if signal is not None and signal.has_listeners(Notification):
            # send_robust() logs a receiver's exception and calls the next receiver.
            send = partial(
                signal.send_robust,
                Notification,
                notification=notification,
                response=notification.response,
            )
            transaction.on_commit(send, using=using)
