"""What the poller asks the database, in its own thread: what is new, and who is logged in still."""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connections
from django.db.models import Q
from django.utils import timezone, translation

from ....batches import batched
from ..models import InboxItem
from ..rendering import TypedItems
from ..shown import shown
from ..unread import NOTHING_UNREAD, Unread, unread_of_many
from .events import StreamEvent

if TYPE_CHECKING:
    from .streams import Stream

logger = logging.getLogger("django_notification_system")

#: Seconds after its moment in which an item is found: longer than the transaction that made it.
WINDOW = 30
#: Seconds from one check of a reader's login, and of the number of unread items, to the next.
CHECK_EVERY = 60.0
#: How many logins are checked in a round, so that a thousand readers who came back together hold
#: up nobody's items.
CHECKS_A_ROUND = 50
#: How many items a client that comes back is told of.
MOST_REPLAYED = 100
#: How many users are asked about in a statement. MariaDB makes a table of a longer list.
USERS_AT_ONCE = 500
#: Seconds without a question after the database has failed.
REST_SECONDS = 5.0


def close_connections() -> None:
    """Close this thread's connections to the database."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:  # a test's transaction
            connection.close()


class Found(NamedTuple):
    """The findings of a round for a stream.

    Attributes:
        stream: The stream.
        events: The events, in their order.
        is_over: Whether the reader is logged out.
    """

    stream: "Stream"
    events: Sequence[StreamEvent] = ()
    is_over: bool = False


class Rounds:
    """Rounds of questions for all streams: a call is a round, and never raises."""

    def __init__(self) -> None:
        self._rests_until = 0.0

    def __call__(self, streams: Sequence["Stream"]) -> list[Found]:
        """Return the findings, for the streams that have any.

        Args:
            streams: The open streams.
        """
        if time.monotonic() < self._rests_until:
            return []
        try:
            return Round(streams).findings()
        except Exception:
            # A dead poller would leave all readers without events for ever.
            logger.warning("The inbox's events wait for the database.", exc_info=True)
            self._rests_until = time.monotonic() + REST_SECONDS
            close_connections()
            return []


class Round:
    """The questions of one round; all are asked before a stream is changed.

    Args:
        streams: The open streams.
    """

    def __init__(self, streams: Sequence["Stream"]) -> None:
        now = timezone.now()
        self._streams = streams
        self._due = self._due_for_check()
        self._over = {stream for stream in self._due if not stream.login.is_valid()}
        self._recent = _recent({stream.login.user.pk for stream in streams}, now)
        self._fresh = {stream: self._fresh_of(stream) for stream in streams}
        self._items = _items(frozenset().union(*self._fresh.values()))
        self._unread: dict[Any, Unread] = {}
        readers = {stream.login.user.pk for stream in filter(self._counts, streams)}
        for some in batched(readers, USERS_AT_ONCE):
            self._unread |= unread_of_many(some)
        self._replayed = self._missed(now)
        replayed = chain.from_iterable(self._replayed.values())
        self._typed = TypedItems([*self._items.values(), *replayed])

    def findings(self) -> list[Found]:
        """Return the findings, and note in the streams what they know from now on."""
        # A template may ask the database too, and fail: no stream is changed before all are ready.
        found = [
            Found(stream, list(self._events(stream)), stream in self._over)
            for stream in self._streams
        ]
        for stream in self._streams:
            stream.known = self._recent.get(stream.login.user.pk, frozenset())
            stream.is_welcomed = True
            if stream in self._due:
                stream.checked_at = time.monotonic()
        return [each for each in found if each.events or each.is_over]

    def _due_for_check(self) -> set["Stream"]:
        before = time.monotonic() - CHECK_EVERY
        due = [stream for stream in self._streams if stream.checked_at <= before]
        return set(sorted(due, key=lambda stream: stream.checked_at)[:CHECKS_A_ROUND])

    def _fresh_of(self, stream: "Stream") -> frozenset[int]:
        """Return the items that came since the last round; a new stream's page shows them."""
        if not stream.is_welcomed or stream in self._over:
            return frozenset()
        return self._recent.get(stream.login.user.pk, frozenset()) - stream.known

    def _counts(self, stream: "Stream") -> bool:
        """Return whether a stream is told the number of unread items, which may have fallen."""
        if stream in self._over:
            return False
        return not stream.is_welcomed or stream in self._due or bool(self._fresh[stream])

    def _missed(self, now: datetime) -> dict["Stream", list[InboxItem]]:
        """Return the unread items that came while clients were away, by their streams.

        All clients of a server that was restarted come back at once, and most have missed nothing:
        those cost one query for all.
        """
        newest = {
            stream: self._unread.get(stream.login.user.pk, NOTHING_UNREAD).newest
            for stream in self._streams
            if not stream.is_welcomed and stream.last_seen is not None
        }
        behind = {
            stream: key
            for stream, key in newest.items()
            if key is not None and key != stream.last_seen
        }
        keys = {key for stream, key in behind.items()}
        keys |= {stream.last_seen for stream in behind if stream.last_seen is not None}
        places = _places(keys)
        missed: dict[Stream, list[InboxItem]] = {}
        for stream, key in behind.items():
            reader, last_seen = stream.login.user.pk, stream.last_seen
            if (reader, last_seen) not in places or (reader, key) not in places:
                continue  # somebody else's item is as good as none; or the item was deleted
            if places[reader, key] > places[reader, last_seen]:
                missed[stream] = _since(stream.login.user, *places[reader, last_seen], now)
        return missed

    def _events(self, stream: "Stream") -> Iterator[StreamEvent]:
        items = [self._items[key] for key in self._fresh[stream] if key in self._items]
        items += self._replayed.get(stream, ())
        # In the order of the keys, so that the client sends the greatest one back.
        items.sort(key=lambda item: item.pk)
        with translation.override(stream.language or None):
            for each in shown(items, stream.login.user, self._typed):
                yield StreamEvent(name="item", data=each.as_dict(), id=each.item.pk)
            if self._counts(stream):
                unread = self._unread.get(stream.login.user.pk, NOTHING_UNREAD)
                yield StreamEvent(name="unread", data=unread.as_dict())


def _recent(users: Iterable[Any], now: datetime) -> Mapping[Any, frozenset[int]]:
    """Return the keys of the unread items that came in the last seconds, by the reader's key.

    A transaction may commit after a later one: asking for keys above the last one would miss items.

    Args:
        users: The readers' keys.
        now: The present moment.
    """
    found: defaultdict[Any, set[int]] = defaultdict(set)
    for some in batched(users, USERS_AT_ONCE):
        rows = InboxItem.objects.visible(at=now).unread()
        rows = rows.filter(user__in=some, visible_from__gt=now - timedelta(seconds=WINDOW))
        for user, key in rows.values_list("user_id", "pk"):
            found[user].add(key)
    return {user: frozenset(keys) for user, keys in found.items()}


def _items(keys: Iterable[int]) -> dict[int, InboxItem]:
    found: dict[int, InboxItem] = {}
    for some in batched(keys, USERS_AT_ONCE):
        found |= InboxItem.objects.select_related("event").in_bulk(some)
    return found


def _places(keys: Iterable[int]) -> dict[tuple[Any, int | None], tuple[datetime, int]]:
    """Return the places of items in their readers' inboxes, by the readers' and the items' keys.

    Args:
        keys: The items' keys.
    """
    found: dict[tuple[Any, int | None], tuple[datetime, int]] = {}
    for some in batched(keys, USERS_AT_ONCE):
        rows = InboxItem.objects.filter(pk__in=some).values_list("user_id", "pk", "visible_from")
        found |= {(user, key): (moment, key) for user, key, moment in rows}
    return found


def _since(user: Any, moment: datetime, key: int, now: datetime) -> list[InboxItem]:
    """Return the unread items that came after the last one that a client has seen.

    Args:
        user: The reader.
        moment: The moment from which that item is visible.
        key: The key of that item.
        now: The present moment.
    """
    later = Q(visible_from__gt=moment) | Q(pk__gt=key)
    rows = InboxItem.objects.of(user, at=now).unread().filter(later, visible_from__gte=moment)
    found: list[InboxItem] = rows.newest(MOST_REPLAYED)
    return found
