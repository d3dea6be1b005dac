"""The interface of a handler: a module with one function, and another if it likes.

``deliver()`` is for handlers that send many at once or keep a connection open. A handler that
sends one at a time defines ``send_notification(notification)`` and returns an ``Outcome``.
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
        """Send notifications, and yield an outcome for each as soon as it is known.

        The engine records the outcomes; a handler leaves the database alone. The order of the
        outcomes is free. One call may get all that is due, so that a connection opened here serves
        for all of it; the engine fetches it batch by batch while it is taken. Where the run is to
        stop, ``notifications`` ends early: finish what was taken from it and return.

        Args:
            notifications: Take the next only when it can be sent: what was taken and got no
                outcome counts as unknown. Each has its record, target and user loaded. A handler
                that takes several ahead calls ``begin_sending()`` with each before it sends it: in
                a run that is to stop, the others are given back.

        Raises:
            TargetUnavailable: To give up on the whole target for this run, because a setting is
                missing or the provider refuses the project's credentials. What has no outcome yet
                stays as it was.
        """
        ...


class FetchReceipts(Protocol):
    """A module that can also ask its provider what became of messages; no handler must."""

    def fetch_receipts(self, message_ids: Iterable[str]) -> Iterator[Receipt]:
        """Ask the provider about messages, and yield what it says as soon as it is known.

        The engine asks about those that went out as ``Outcome.delivered(…, awaits_receipt=True)``:
        for the first time after the target's ``receipts_after`` minutes, then about those of which
        there was nothing to say, at growing distances, until the provider forgets them: after a
        day, or after the ``timedelta`` that the module names ``RECEIPTS_KEPT``. Yield only what is
        the end: ``CONFIRMED`` or ``FAILED``. Leave out what the provider has nothing to say of yet.

        Args:
            message_ids: The provider's names for the messages. Take the next only when it can be
                asked about: what was taken counts as asked. They end early where the run is to
                stop.

        Raises:
            TargetUnavailable: When the provider cannot be asked now. What was yielded is recorded;
                the rest is asked again in the next run.
        """
        ...
