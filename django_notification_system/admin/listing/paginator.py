"""Pages of a list without a count of all rows."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.paginator import Paginator
from django.utils.functional import cached_property

if TYPE_CHECKING:
    BasePaginator = Paginator[Any]
else:
    BasePaginator = Paginator

#: How many rows are counted, and so can be leafed through; filters and search lead to the others.
COUNTED_ROWS = 10_000


class AtLeast(int):
    """A number shown to people as "10000+".

    The admin shows the count in many places, including "Select all 10000+ notifications". As a
    number with its own text, the count is right in all places and themes.
    """

    def __str__(self) -> str:
        digits = int.__str__(self)
        # Django would take the plus for a digit and group the plus with the others.
        return digits if settings.USE_THOUSAND_SEPARATOR else f"{digits}+"


class CappedPaginator(BasePaginator):
    """Counts 10,000 rows at the most, so that the first page of a million rows comes at once."""

    @cached_property
    def count(self) -> int:
        """The number of rows; past the cap, the cap."""
        return capped_count(self.object_list)


def capped_count(rows: Any) -> int:
    """Return the number of rows; past the cap, the cap.

    Args:
        rows: The rows.
    """
    return capped(lambda limit: rows.order_by()[:limit].count())


def capped(count_up_to: Callable[[int], int]) -> int:
    """Return the count; past the cap, the cap.

    Args:
        count_up_to: Counts up to the number given.
    """
    counted = count_up_to(COUNTED_ROWS + 1)
    return AtLeast(COUNTED_ROWS) if counted > COUNTED_ROWS else counted
