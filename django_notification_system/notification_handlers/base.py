"""The interface of a handler: a module with ``deliver()``, and perhaps ``fetch_receipts()``.

``deliver()`` is for handlers that send many messages at once or keep a connection open. A handler
that sends one message at a time defines ``send_notification(notification)`` and returns an
``Outcome``.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol

from ..delivery.handlers.on_its_way import begin_sending
from ..exceptions import TargetUnavailable
from ..models import Notification
from ..observing.observers import provider_call
from ..outcome import Outcome, Receipt, ReceiptResult, one_line, shortened

__all__ = [
    "FetchReceipts",
    "Handler",
    "Outcome",
    "Receipt",
    "ReceiptResult",
    "TargetUnavailable",
    "begin_sending",
    "one_line",
    "provider_call",
    "shortened",
]


class Handler(Protocol):
    """A module that delivers to a target."""

    def deliver(self, notifications: Iterable[Notification]) -> Iterator[Outcome]:
        """Send notifications, and yield each outcome as soon as the outcome is known.

        The engine records the outcomes; a handler leaves the database alone. Outcomes may come in
        any order. A call may get all due notifications of a target, so that a connection opened
        here serves for all of them; the engine claims batch by batch while the handler takes
        notifications. Where the run is to stop, ``notifications`` ends early: finish the
        notifications taken so far, and return.

        Args:
            notifications: Take the next notification only when its message can be sent: a taken
                notification without an outcome counts as unknown. Record, target and user are
                loaded. A handler that takes several notifications ahead calls ``begin_sending()``
                with a notification before sending it: a run that is to stop releases the others.

        Raises:
            TargetUnavailable: To give up on the whole target for this run, because a setting is
                missing or the provider refuses the project's credentials. Notifications without an
                outcome stay as they were.
        """
        ...


class FetchReceipts(Protocol):
    """A module that can also ask its provider for receipts; the function is optional."""

    def fetch_receipts(self, message_ids: Iterable[str]) -> Iterator[Receipt]:
        """Ask the provider about messages, and yield each receipt as soon as it is known.

        The engine asks about messages delivered with ``Outcome.delivered(…, awaits_receipt=True)``:
        for the first time after the target's ``receipts_after`` minutes, then, where no receipt
        came, at growing distances, until the provider forgets its receipts: after a day, or after
        the module's ``RECEIPTS_KEPT``, a ``timedelta``. Yield only final receipts: ``CONFIRMED`` or
        ``FAILED``. Leave out messages that the provider knows nothing of yet.

        Args:
            message_ids: The provider's names for the messages. Take the next name only when it can
                be asked about: taken names count as asked. The names end early where the run is to
                stop.

        Raises:
            TargetUnavailable: When the provider cannot be asked now. Yielded receipts are recorded;
                the other messages are asked about again in the next run.
        """
        ...
