"""Cursors: places in a list of items, as texts for pages."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from django.conf import settings

from .keys import item_key_of

LONGEST_CURSOR = 40


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """The place of an item in a list, newest first.

    Attributes:
        visible_from: When the item became visible.
        pk: The item's key.
    """

    visible_from: datetime
    pk: int

    def __str__(self) -> str:
        return f"{(self.visible_from - _epoch()) // timedelta(microseconds=1)}-{self.pk}"

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the cursor that a text names.

        Args:
            text: What ``str(cursor)`` returned.

        Raises:
            ValueError: When no cursor looks so.
        """
        moment, _hyphen, item = text.partition("-")
        pk = item_key_of(item)
        is_moment = moment.isascii() and moment.isdigit()
        if len(text) > LONGEST_CURSOR or not is_moment or pk is None:
            raise ValueError("before is no cursor; take next from the page before.")
        try:
            visible_from = _epoch() + timedelta(microseconds=int(moment))
        except (OverflowError, ValueError) as error:
            raise ValueError("before is no cursor: its moment is out of range.") from error
        return cls(visible_from=visible_from, pk=pk)


def _epoch() -> datetime:
    """Return 1970 as the project's moments are: with a time zone or without."""
    return datetime(1970, 1, 1, tzinfo=UTC if settings.USE_TZ else None)
