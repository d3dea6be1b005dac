"""Signals for the project's own code, sent once an outcome or a change is committed.

The sender of the first three is the class ``Notification``. A receiver gets ``notification``, with
the new status, and ``response``, the line for people. An error in a receiver is logged and harms no
delivery.
"""

from django.dispatch import Signal

#: A provider accepted the message; the status is ``DELIVERED``.
notification_delivered = Signal()
#: The status is ``RETRY``; the next attempt is at ``notification.scheduled_delivery``.
notification_retrying = Signal()
#: There will be no further attempt; the status is ``DELIVERY FAILURE``, ``INACTIVE DEVICE``,
#: ``OPTED OUT`` or ``EXPIRED``. The signal for the latter three is sent also where a run skips a
#: notification without an attempt. The signal is sent as well, after ``notification_delivered``,
#: where a provider reports later that a message has failed.
notification_failed = Signal()

#: A person's word has changed. The sender is the class ``Preference``; a receiver gets ``user``,
#: ``category``, ``target_key``, ``before``, ``after`` and ``how``, as in the log of consent. Sent
#: by ``preferences.set_preference()`` once the change is committed.
preference_changed = Signal()
#: An address was suppressed. The sender is the class ``Suppression``; a receiver gets
#: ``suppression``. Sent by ``preferences.suppress()`` once the row is committed.
address_suppressed = Signal()

#: Private. Notifications were created, in a transaction that is still open. The arguments are
#: ``notifications`` and ``using``, the database's alias. The models do not know the engine; the
#: engine receives this signal.
notifications_created = Signal()
#: Private. Opt-outs were lifted, in a transaction that is still open. The arguments are
#: ``user_ids`` and ``using``. The models do not know the preferences, which may still forbid a
#: notification; the preferences receive this signal, and restore the others.
opt_outs_lifted = Signal()
