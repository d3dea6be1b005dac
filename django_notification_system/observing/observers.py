"""Letting metrics and traces watch deliveries, at next to no cost where nothing does.

What watches is an ``Observer``. Whatever one raises is logged and harms no delivery.
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
from .log import log_call

logger = logging.getLogger("django_notification_system")


class ProviderCall:
    """One call to a provider: a mail, or a request; for use with ``with``.

    One that raises has failed. This class itself is the call that nobody watches.
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
        """End it."""

    def fail(self, error: str) -> None:
        """Say that it has failed, though nothing was raised.

        Args:
            error: A word for the kind of failure; no text of a provider's, nothing of a message.
        """


class WatchedCall(ProviderCall):
    """A call that is watched.

    Attributes:
        system: The kind of provider, such as ``"twilio"``.
        notifications: What is sent with it.
        server: The provider's host, and its port behind a colon, where that is known.
        seconds: How long it took, once it has ended.
        error: The kind of failure; empty where there was none.
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
        """Where it goes. Whoever delivers has loaded it: no database is read."""
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
        """End it."""
        self.seconds = time.perf_counter() - self._began
        if error_type is not None:
            self.error = f"{error_type.__module__}.{error_type.__qualname__}"
        if logger.isEnabledFor(logging.DEBUG):
            log_call(
                self.target,
                self.notifications,
                system=self.system,
                seconds=self.seconds,
                error=self.error,
            )
        tell("call_ended", self)

    def fail(self, error: str) -> None:
        """Say that it has failed, though nothing was raised."""
        self.error = error


class Observer:
    """Watches deliveries: override what is of interest.

    All is called in the run's own thread, but ``call_began()`` and ``call_ended()`` in that which
    makes the call, and those must leave the database alone.
    """

    def watch_began(self) -> None:
        """A process begins to deliver until it is told to stop."""

    def batch_began(
        self, target: NotificationTarget, token: uuid.UUID, notifications: Sequence[Notification]
    ) -> None:
        """A batch has been claimed; or a single notification is sent outside a run.

        Args:
            target: Where it goes.
            token: Its name; the database marks what is claimed with it.
            notifications: All of it.
        """

    def batch_ended(self, target: NotificationTarget, token: uuid.UUID, problem: str) -> None:
        """All of a batch is recorded or given back.

        Args:
            target: Where it goes.
            token: Its name.
            problem: What kept the target from being used; mostly empty. It may name an address.
        """

    def recorded(
        self, target: NotificationTarget, token: uuid.UUID, outcomes: Sequence[Outcome]
    ) -> None:
        """The outcomes of attempts are applied to their rows and recorded.

        Args:
            target: Where they went.
            token: The name of their batch.
            outcomes: They have their notifications, with their new status.
        """

    def skipped(
        self,
        target: NotificationTarget,
        token: uuid.UUID,
        notifications: Sequence[Notification],
    ) -> None:
        """Notifications were skipped: they ended without an attempt, and that is recorded."""

    def call_began(self, call: WatchedCall) -> None:
        """A provider is about to be called, in this thread."""

    def call_ended(self, call: WatchedCall) -> None:
        """The call has ended, in this thread."""


_observers: tuple[Observer, ...] = ()
_UNWATCHED = ProviderCall()


def add_observer(observer: Observer) -> None:
    """Let something watch all deliveries of this process; it does so once."""
    global _observers
    if observer not in _observers:
        _observers = (*_observers, observer)


def remove_observer(observer: Observer) -> None:
    """Let it watch no more."""
    global _observers
    _observers = tuple(each for each in _observers if each is not observer)


def tell(event: str, *details: Any) -> None:
    """Tell whoever watches.

    Args:
        event: The name of the observers' method.
        details: Its arguments.
    """
    for observer in _observers:
        try:
            getattr(observer, event)(*details)
        except Exception:
            logger.exception("%s failed to note that %s.", type(observer).__name__, event)


@contextmanager
def watched_alone(notification: Notification) -> Iterator[uuid.UUID]:
    """Let a single notification, sent outside a run, be watched as a batch; give that a name."""
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
    """Return what a call to a provider is wrapped into with ``with``, so that it can be watched.

    Args:
        system: The kind of provider, such as ``"twilio"``; always the same text.
        notifications: What is sent with it; at least one.
        server: The provider's host, and its port behind a colon, where that is known.
    """
    if not _observers and not logger.isEnabledFor(logging.DEBUG):
        return _UNWATCHED
    return WatchedCall(system, notifications, server)
