"""How many messages a provider takes at once: a rule that finds the number during a run.

The rule is modelled on Postfix's queue manager (https://www.postfix.org/SCHEDULER_README.html): a
destination begins with few deliveries at once, gets more while deliveries succeed, and fewer when
the destination refuses. Postfix grows up to the limit; this rule grows only while more at once are
faster, because a connection that gains nothing costs the mail server a place.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

#: How many messages are sent at once at the beginning, where nothing is remembered.
FIRST_AT_ONCE = 2
#: For how long a number that was found counts, in seconds: a provider's limits change, and other
#: hosts come and go.
REMEMBERED_SECONDS = 300.0
#: Likewise after a provider wanted fewer messages, not fewer connections: many limits are for a
#: minute, and a single refusal may have had another reason.
REMEMBERED_SECONDS_OF_MESSAGES = 60.0
#: The part of the additional connections that must show as additional speed: twice as many
#: connections stay where they send 1.2 times as much.
LEAST_GAIN = 0.2
#: The part of the additional connections that shows that the provider has room for many more: the
#: next number is four times the number instead of twice.
LARGE_GAIN = 0.75
#: A number is judged by the messages of at least this time, in seconds: a fast server's answers
#: come by chance in less.
LEAST_WINDOW_SECONDS = 0.1
#: How many windows in a row must show no gain: a busy machine spoils one.
WINDOWS_WITHOUT_GAIN = 2
#: After how many windows a number that brought no gain is tried again; doubled each time.
FIRST_REST_WINDOWS = 8


@dataclass(frozen=True, slots=True)
class Found:
    """What runs have found out about a provider.

    Attributes:
        at_once: How many messages the provider takes at once.
        limit: The provider refused more than this number; ``None``: no number was refused.
        seconds: For how many seconds the numbers still count.
    """

    at_once: int
    limit: int | None = None
    seconds: float = REMEMBERED_SECONDS


class Concurrency:
    """The number of messages at once: grows while that is faster, shrinks when refused.

    The calls may come from any thread. Moments are by the monotonic clock, in seconds.

    Args:
        most: The highest number; at least 1.
        found: What earlier runs have found; ``None``: nothing.
        now: The present moment.
    """

    def __init__(self, most: int, found: Found | None = None, *, now: float) -> None:
        found = found or Found(FIRST_AT_ONCE)
        self._lock = threading.Lock()
        self._most = max(1, most)
        self._limit = None if found.limit is None else max(1, found.limit)
        self._at_once = max(1, min(found.at_once, self._ceiling))
        self._forget_at = now + found.seconds
        self._refused_at = -float("inf")
        #: The smaller number from which the present number is tried, and its speed.
        self._before: tuple[int, float] | None = None
        self._factor = 2
        self._failed_windows = 0
        self._rest_windows = 0
        self._next_rest_windows = FIRST_REST_WINDOWS
        self._window_began_at: float | None = None
        self._ended = 0
        self._messages = 0

    @property
    def at_once(self) -> int:
        """How many messages may be with the provider now."""
        return self._at_once

    def ceiling(self, now: float) -> int:
        """Return the highest number that may be tried.

        Args:
            now: The present moment.
        """
        with self._lock:
            self._forget(now)
            return self._ceiling

    def found(self, now: float) -> Found:
        """Return what is known.

        Args:
            now: The present moment.
        """
        with self._lock:
            self._forget(now)
            at_once = self._at_once if self._before is None else self._before[0]
            return Found(at_once, self._limit, max(0.0, self._forget_at - now))

    def begin_window(self) -> None:
        """Measure anew, because the last messages say nothing about the provider's speed."""
        with self._lock:
            self._window_began_at = None

    def note(self, messages: int, now: float) -> None:
        """Note that one of the workers, all at work, has sent messages.

        Args:
            messages: How many messages the worker has sent, one after the other.
            now: The present moment.
        """
        with self._lock:
            if self._window_began_at is None:
                self._begin_window_at(now)
                return
            self._ended += 1
            self._messages += messages
            seconds = now - self._window_began_at
            if self._ended < self._at_once or seconds < LEAST_WINDOW_SECONDS:
                return
            speed = self._messages / seconds
            self._begin_window_at(now)
            self._forget(now)
            self._judge(speed)

    def refuse_connection(self, left: int, now: float, *, began_at: float | None = None) -> bool:
        """Note that the provider wants fewer connections.

        Args:
            left: How many connections are left without the refused connection.
            now: The present moment.
            began_at: The moment when the refused message was begun. A message begun before the
                last refusal says nothing new. ``None``: the connection itself was refused.

        Returns:
            Whether the refusal counts.
        """
        with self._lock:
            if began_at is not None and began_at <= self._refused_at:
                return False
            if began_at is not None:
                left = min(left, self._at_once - 1)
            self._shrink(left, left, now, REMEMBERED_SECONDS)
            return True

    def refuse_message(self, began_at: float, now: float) -> None:
        """Note that the provider wants fewer messages: half as many from now on.

        A number on trial goes back to the number before.

        Args:
            began_at: The moment when the refused message was begun.
            now: The present moment.
        """
        with self._lock:
            if began_at <= self._refused_at:
                return
            fewer = self._before[0] if self._before else self._at_once // 2
            self._shrink(fewer, self._at_once - 1, now, REMEMBERED_SECONDS_OF_MESSAGES)

    @property
    def _ceiling(self) -> int:
        return self._most if self._limit is None else min(self._most, self._limit)

    def _forget(self, now: float) -> None:
        if now >= self._forget_at:
            self._limit = None
            self._forget_at = now + REMEMBERED_SECONDS

    def _shrink(self, at_once: int, limit: int, now: float, seconds: float) -> None:
        self._limit = max(1, min(limit, self._ceiling))
        self._at_once = max(1, min(at_once, self._limit, self._at_once))
        self._forget_at = now + seconds
        self._refused_at = now
        self._before = None
        self._failed_windows = 0
        self._window_began_at = None

    def _judge(self, speed: float) -> None:
        """Go on with the number, try more, or go back, by the speed in messages a second."""
        if self._before is not None:
            before, speed_before = self._before
            gain = (speed / speed_before - 1) / (self._at_once / before - 1)
            if gain < LEAST_GAIN:
                self._failed_windows += 1
                if self._failed_windows >= WINDOWS_WITHOUT_GAIN:
                    self._go_back(before)
                return
            self._before = None
            self._factor = 4 if gain >= LARGE_GAIN else 2
            self._next_rest_windows = FIRST_REST_WINDOWS
        if self._rest_windows:
            self._rest_windows -= 1
        elif self._at_once < self._ceiling:
            self._try_more(speed)

    def _try_more(self, speed: float) -> None:
        # After a refusal the limit is near.
        if self._limit is None:
            more = self._at_once * self._factor
        else:
            # Between the two: a single connection more gains less than a busy machine costs.
            more = (self._at_once + self._ceiling + 1) // 2
        self._before = (self._at_once, speed)
        self._failed_windows = 0
        self._at_once = min(more, self._ceiling)
        self._window_began_at = None

    def _go_back(self, before: int) -> None:
        self._at_once = before
        self._before = None
        self._factor = 2
        self._rest_windows = self._next_rest_windows
        self._next_rest_windows *= 2
        self._window_began_at = None

    def _begin_window_at(self, now: float) -> None:
        self._window_began_at = now
        self._ended = 0
        self._messages = 0


class LaneConcurrency:
    """The concurrency of all calls of a lane's handler.

    The lane's thread writes ``current``; the run's thread reads ``current`` after the lane's end.

    Args:
        remembered: What earlier runs have found; ``None``: nothing.

    Attributes:
        remembered: What earlier runs have found.
        current: The concurrency, once the handler has asked.
        began_with: The number and the limit at the beginning.
    """

    def __init__(self, remembered: Found | None = None) -> None:
        self.remembered = remembered
        self.current: Concurrency | None = None
        self.began_with: tuple[int, int | None] | None = None

    def within(self, most: int, now: float) -> Concurrency:
        """Return the lane's concurrency, made at the first call.

        Args:
            most: The highest number.
            now: The present moment.
        """
        if self.current is None:
            concurrency = Concurrency(most, self.remembered, now=now)
            found = concurrency.found(now)
            self.began_with = (found.at_once, found.limit)
            self.current = concurrency
        return self.current


_concurrency_of: ContextVar[Callable[[int, float], Concurrency]] = ContextVar("concurrency_of")


def concurrency_within(most: int, now: float) -> Concurrency:
    """Return the concurrency of the present call of a handler; in the calling thread.

    Args:
        most: The highest number, a target's ``connections``.
        now: The present moment, by the monotonic clock.
    """
    concurrency_of = _concurrency_of.get(None)
    return Concurrency(most, now=now) if concurrency_of is None else concurrency_of(most, now)


@contextmanager
def finding_concurrency(lane: LaneConcurrency) -> Iterator[None]:
    """Let handlers in this thread go on with a lane's concurrency.

    Args:
        lane: The lane's.
    """
    token = _concurrency_of.set(lane.within)
    try:
        yield
    finally:
        _concurrency_of.reset(token)
