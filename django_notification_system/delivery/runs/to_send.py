"""The rows of a batch still to be fed to the handler, in order."""

import uuid
from collections import Counter, deque
from collections.abc import Iterable
from itertools import islice

from ...models import Notification
from ..claims.large_texts import first_of_size

#: How many rows are rechecked together, right before they are sent. A lane has up to two slices:
#: the slice on its way, and the next.
SLICE_SIZE = 50
#: How often a row refused by a busy provider is fed again before the rest, and how often at all: by
#: then other rows have got through, and the provider is more than busy.
FIRST_TIMES_PUT_BACK = 3
MOST_TIMES_PUT_BACK = 8


class ToSend:
    """Rows in the order of delivery, with rows refused by a busy provider."""

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
        """Add rows at the end.

        Args:
            notifications: The rows.
        """
        self._waiting.extend(notifications)

    def next_slice(self) -> list[Notification]:
        """Take the next slice: fewer rows where their texts are long."""
        self._waiting.extendleft(reversed(self._put_back))
        self._put_back.clear()
        most = list(islice(self._waiting, SLICE_SIZE))
        return [self._waiting.popleft() for _ in range(first_of_size(most))]

    def count_refusal(self, key: uuid.UUID, *, was_refused: bool) -> bool:
        """Count a busy provider's refusal of a row; return ``False`` after too many.

        Args:
            key: The row's key.
            was_refused: Whether the provider was asked at all.
        """
        self._times_put_back[key] += was_refused
        return self._times_put_back[key] <= MOST_TIMES_PUT_BACK

    def put_back(self, notification: Notification) -> None:
        """Keep a refused row: at first before the others, later behind them.

        Args:
            notification: The row.
        """
        is_first = self._times_put_back[notification.pk] <= FIRST_TIMES_PUT_BACK
        (self._put_back if is_first else self._waiting).append(notification)
