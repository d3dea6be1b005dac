"""The rows of a batch that are still to be fed to the handler, in order."""

import uuid
from collections import Counter, deque
from collections.abc import Iterable
from itertools import islice

from ...models import Notification
from ..claims.large_texts import first_of_size

#: How many rows are checked once more, together, right before they are sent. A lane has up to two
#: slices: the slice that it sends, and the next.
SLICE_SIZE = 50
#: How often a row that the provider was too busy for is fed again before the rest, and how often at
#: all: by then others have got through, and the provider is not only busy.
FIRST_TIMES_PUT_BACK = 3
MOST_TIMES_PUT_BACK = 8


class ToSend:
    """Rows in the order in which they are to go, with rows that a busy provider refused."""

    def __init__(self) -> None:
        self._waiting: deque[Notification] = deque()
        #: Refused by a busy provider, to be fed again before the rest.
        self._put_back: list[Notification] = []
        #: How often a row was refused, by key.
        self._times_put_back: Counter[uuid.UUID] = Counter()

    def __len__(self) -> int:
        """Return how many rows are still to be fed."""
        return len(self._waiting) + len(self._put_back)

    def extend(self, notifications: Iterable[Notification]) -> None:
        """Add rows at the end."""
        self._waiting.extend(notifications)

    def next_slice(self) -> list[Notification]:
        """Take the next slice: fewer rows where their texts are long."""
        self._waiting.extendleft(reversed(self._put_back))
        self._put_back.clear()
        most = list(islice(self._waiting, SLICE_SIZE))
        return [self._waiting.popleft() for _ in range(first_of_size(most))]

    def count_refusal(self, key: uuid.UUID, *, was_refused: bool) -> bool:
        """Count that a busy provider refused a row; ``False`` where it did so too often.

        Args:
            key: The row's.
            was_refused: Whether the provider was asked at all.
        """
        self._times_put_back[key] += was_refused
        return self._times_put_back[key] <= MOST_TIMES_PUT_BACK

    def put_back(self, notification: Notification) -> None:
        """Keep a row that was refused: at first before the others, later behind them."""
        is_first = self._times_put_back[notification.pk] <= FIRST_TIMES_PUT_BACK
        (self._put_back if is_first else self._waiting).append(notification)
