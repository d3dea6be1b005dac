"""Observers of deliveries: the log, metrics, traces; calls without observers cost next to nothing.

An observer is a subclass of ``Observer``. An observer's exceptions are logged and harm no delivery.
"""

import logging
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from ..exceptions import TargetUnavailable
from ..models import Notification, NotificationTarget
from ..outcome import Outcome

logger = logging.getLogger("django_notification_system")


class ProviderCall:
    """One call to a provider: a mail, or a request; for use with ``with``.

    A call that raises has failed. An instance of this very class is a call without observers.
    """

    __slots__ = ()

    def __enter__(self) -> Self:
        """Begin the call."""
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the call."""

    def fail(self, error: str) -> None:
        """Mark the call as failed, although nothing was raised.

        Args:
            error: A word for the kind of failure; no text of a provider's, nothing of a message.
        """


class WatchedCall(ProviderCall):
    """A call with observers.

    Attributes:
        system: The kind of provider, such as ``"twilio"``.
        notifications: The notifications in the call.
        server: The provider's host and, behind a colon, the port; empty where unknown.
        seconds: The call's duration in seconds, after its end.
        error: The kind of failure; empty after a success.
    """

    __slots__ = ("_began", "error", "notifications", "seconds", "server", "system")

    def __init__(self, system: str, notifications: Sequence[Notification], server: str) -> None:
        self.system = system
        self.notifications = notifications
        self.server = server
        self.seconds = 0.0
        self.error = ""

    @property
    def target(self) -> NotificationTarget:
        """The call's target. The engine has loaded the target: no database is read."""
        return self.notifications[0].target_user_record.target

    def __enter__(self) -> Self:
        """Begin the call."""
        tell("call_began", self)
        self._began = time.perf_counter()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the call, and tell the observers."""
        self.seconds = time.perf_counter() - self._began
        if error_type is not None:
            self.error = f"{error_type.__module__}.{error_type.__qualname__}"
        tell("call_ended", self)

    def fail(self, error: str) -> None:
        """Mark the call as failed, although nothing was raised.

        Args:
            error: The fault's name for the log, such as a status.
        """
        self.error = error


class Observer:
    """Watches deliveries: override the methods of interest.

    The run's own thread calls all methods except ``call_began()`` and ``call_ended()``; these two
    run in the call's thread and must leave the database alone.
    """

    def watch_began(self) -> None:
        """A process begins to deliver until a signal stops the process."""

    def batch_began(
        self, target: NotificationTarget, token: uuid.UUID, notifications: Sequence[Notification]
    ) -> None:
        """A batch has been claimed; or a single notification is sent outside a run.

        Args:
            target: The batch's target.
            token: The batch's name; the database marks the claimed rows with this token.
            notifications: The batch's notifications.
        """

    def batch_ended(self, target: NotificationTarget, token: uuid.UUID, problem: str) -> None:
        """All of a batch is recorded or given back.

        Args:
            target: The batch's target.
            token: The batch's name.
            problem: The problem that made the target unusable; mostly empty. The text may name an
                address.
        """

    def recorded(
        self, target: NotificationTarget, token: uuid.UUID, outcomes: Sequence[Outcome]
    ) -> None:
        """The outcomes of attempts are applied to their rows and recorded.

        Args:
            target: The attempts' target.
            token: The name of the batch.
            outcomes: The outcomes; their notifications have the new status.
        """

    def skipped(
        self,
        target: NotificationTarget,
        token: uuid.UUID,
        notifications: Sequence[Notification],
    ) -> None:
        """Notifications were skipped (ended without an attempt) and are recorded.

        Args:
            target: The notifications' target.
            token: The name of the batch.
            notifications: The notifications, with their new status.
        """

    def wants_calls(self) -> bool:
        """Return whether the observer watches calls to providers at present."""
        return True

    def call_began(self, call: WatchedCall) -> None:
        """A call to a provider begins in this thread.

        Args:
            call: The call.
        """

    def call_ended(self, call: WatchedCall) -> None:
        """A call to a provider has ended in this thread.

        Args:
            call: The call, with ``seconds`` and ``error``.
        """


_observers: tuple[Observer, ...] = ()
_UNWATCHED = ProviderCall()


def add_observer(observer: Observer) -> None:
    """Let an observer watch all deliveries of this process; a second addition changes nothing.

    Args:
        observer: The observer.
    """
    global _observers
    if observer not in _observers:
        _observers = (*_observers, observer)


def remove_observer(observer: Observer) -> None:
    """Let the observer watch no more.

    Args:
        observer: The observer.
    """
    global _observers
    _observers = tuple(each for each in _observers if each is not observer)


def tell(event: str, *details: Any) -> None:
    """Call a method of every observer.

    Args:
        event: The name of the observers' method.
        details: The method's arguments.
    """
    for observer in _observers:
        try:
            getattr(observer, event)(*details)
        except Exception:
            logger.exception("%s failed to note that %s.", type(observer).__name__, event)


@contextmanager
def watched_alone(notification: Notification) -> Iterator[uuid.UUID]:
    """Show a notification sent outside a run to observers as a batch; yield the batch's token.

    Args:
        notification: The notification, with its record and target loaded.
    """
    token = uuid.uuid4()
    target = notification.target_user_record.target
    tell("batch_began", target, token, [notification])
    problem = ""
    try:
        yield token
    except TargetUnavailable as error:
        problem = str(error)
        raise
    finally:
        tell("batch_ended", target, token, problem)


def provider_call(
    system: str, notifications: Sequence[Notification], server: str = ""
) -> ProviderCall:
    """Return a context for a call to a provider (``with …:``), so that observers see the call.

    Args:
        system: The kind of provider, such as ``"twilio"``; always the same text.
        notifications: The notifications in the call; at least one.
        server: The provider's host and, behind a colon, the port; empty where unknown.
    """
    if not any(observer.wants_calls() for observer in _observers):
        return _UNWATCHED
    return WatchedCall(system, notifications, server)
