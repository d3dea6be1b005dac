"""The open streams of a process, and the task that feeds them."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from random import uniform
from weakref import WeakKeyDictionary, WeakSet

from .events import COMMENT, StreamEvent, reconnect_after
from .login import Login
from .rounds import Rounds, close_connections
from .server import is_stopping

logger = logging.getLogger("django_notification_system")

#: Seconds from one question to the database to the next.
EVERY = 1.0
#: Seconds until a comment is sent, where nothing else was.
COMMENT_EVERY = 15.0
#: Seconds after which a browser connects again, from and to: by chance, so that the browsers of a
#: server that was restarted do not come all at once.
RECONNECT_AFTER = (1.0, 5.0)
#: How many events wait for a slow client before its stream is closed.
MOST_WAITING = 200


class Stream:
    """One reader's open connection.

    Attributes:
        login: The reader's login.
        language: The language of the page.
        last_seen: The newest item that the client knows, from ``Last-Event-ID``.
        known: The keys of recent items that were announced; read and written by the poller's thread
            alone, like the following.
        is_welcomed: Whether the poller has asked for this stream before.
        checked_at: When the login was checked last, by ``time.monotonic()``.
    """

    def __init__(self, login: Login, *, language: str, last_seen: int | None) -> None:
        self.login = login
        self.language = language
        self.last_seen = last_seen
        self.known: frozenset[int] = frozenset()
        self.is_welcomed = False
        self.checked_at = time.monotonic()
        self._waiting: deque[StreamEvent] = deque()
        self._is_ended = False
        self._wakes = asyncio.Event()

    def put(self, events: Iterable[StreamEvent]) -> None:
        """Send events; a stream whose client does not take them is closed.

        Args:
            events: The events, in their order.
        """
        self._waiting.extend(events)
        if len(self._waiting) > MOST_WAITING:
            self._waiting.clear()
            self._is_ended = True
        self._wakes.set()

    def end(self) -> None:
        """Close the connection, after what waits was sent."""
        self._is_ended = True
        self._wakes.set()

    async def content(self) -> AsyncGenerator[bytes]:
        """Yield what the client reads, until the stream is ended."""
        yield reconnect_after(uniform(*RECONNECT_AFTER))  # noqa: S311 # no secret
        while True:
            self._wakes.clear()
            while self._waiting:
                yield self._waiting.popleft().encode()
            if self._is_ended:
                return
            try:
                await asyncio.wait_for(self._wakes.wait(), COMMENT_EVERY)
            except TimeoutError:
                yield COMMENT


class Streams:
    """The open streams of one event loop, and their poller.

    The streams are referred to weakly: one whose generator is gone, begun or not, is forgotten.
    """

    def __init__(self) -> None:
        self._open: WeakSet[Stream] = WeakSet()
        self._poller: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._open)

    def add(self, stream: Stream) -> None:
        """Feed a stream from now on.

        Args:
            stream: The stream.
        """
        self._open.add(stream)
        if self._poller is None:
            # In a context of its own: the request's would keep the request, and its thread.
            self._poller = asyncio.get_running_loop().create_task(self._poll(), context=Context())

    def forget(self, stream: Stream) -> None:
        """Feed a stream no more.

        Args:
            stream: The stream.
        """
        self._open.discard(stream)

    async def _poll(self) -> None:
        """Ask for all streams, until none is open."""
        rounds = Rounds()
        loop = asyncio.get_running_loop()
        # One thread, and so one connection to the database, for all readers of this process.
        thread = ThreadPoolExecutor(1, thread_name_prefix="inbox")
        try:
            while self._open and not is_stopping():
                until = loop.time() + EVERY
                await self._round(rounds, thread)
                await asyncio.sleep(max(0.0, until - loop.time()))
        finally:
            self._poller = None  # the task refers to the loop
            for stream in list(self._open):
                stream.end()
            thread.submit(close_connections)
            thread.shutdown(wait=False)

    async def _round(self, rounds: Rounds, thread: ThreadPoolExecutor) -> None:
        """Ask once. Afterwards nothing here refers to a stream.

        Args:
            rounds: Asks for streams.
            thread: Where the database is asked.
        """
        asked = asyncio.get_running_loop().run_in_executor(thread, rounds, list(self._open))
        # A database that does not answer holds up neither the loop nor the server's end.
        while not asked.done():
            if is_stopping():
                return
            await asyncio.wait({asked}, timeout=EVERY)
        for found in asked.result():
            found.stream.put(found.events)
            if found.is_over:
                found.stream.end()


_streams: WeakKeyDictionary[asyncio.AbstractEventLoop, Streams] = WeakKeyDictionary()


def open_streams() -> Streams:
    """Return the streams of the running event loop."""
    return _streams.setdefault(asyncio.get_running_loop(), Streams())
