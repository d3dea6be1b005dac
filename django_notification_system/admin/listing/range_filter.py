"""A filter that names ranges of the list of notifications."""

import uuid
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest


class RangeFilter(admin.SimpleListFilter):
    """A filter by statuses and targets; the filter names the ranges, and the list reads the rows.

    See ``ranges.py``.
    """

    #: The statuses of the filtered rows; ``None``: any.
    statuses: tuple[str, ...] | None = None
    #: The key of the filtered rows' target; ``None``: any.
    target_id: uuid.UUID | None = None
    #: A further condition for every filtered row.
    condition = Q()
    #: Whether only the latest rows are looked at for the condition.
    looks_at_latest = False

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return all rows: the list applies the filter."""
        return queryset
