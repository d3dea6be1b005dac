"""How many items a reader has not read, and how pages say so."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connections
from django.db.models import Case, Count, IntegerField, OuterRef, Subquery, When
from django.db.models.functions import Coalesce
from django.db.models.lookups import IsNull
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .models import InboxItem
from .models.item_queryset import MOST_COUNTED


@dataclass(frozen=True, kw_only=True)
class Unread:
    """A reader's unread items. In a template it prints the number, and is false for none.

    Attributes:
        count: How many there are, at most 100.
        newest: The key of the newest; ``None`` for none.
    """

    count: int
    newest: int | None

    def __str__(self) -> str:
        return str(self.count) if self.count < MOST_COUNTED else f"{MOST_COUNTED - 1}+"

    def __bool__(self) -> bool:
        return self.count > 0

    @property
    def badge(self) -> str:
        """The text at the bell: ``""``, ``"5"`` or ``"99+"``."""
        return str(self) if self else ""

    @property
    def label(self) -> str:
        """The number as a sentence in the language that is active."""
        if not self:
            return _("No unread notifications")
        return ngettext(
            "%(number)s unread notification", "%(number)s unread notifications", self.count
        ) % {"number": self}

    def as_dict(self) -> dict[str, Any]:
        """Return the answer of ``inbox/unread/``, and the data of the event ``unread``."""
        return {
            "unread": self.count,
            "newest": self.newest,
            "badge": self.badge,
            "label": self.label,
        }


NOTHING_UNREAD = Unread(count=0, newest=None)


def unread_of(user: Any) -> Unread:
    """Return a reader's unread items; one query, which reads at most 100 rows of the index.

    Args:
        user: The reader.
    """
    unread = InboxItem.objects.of(user).unread().order_by("-visible_from", "-pk")
    keys = list(unread.values_list("pk", flat=True)[:MOST_COUNTED])
    return Unread(count=len(keys), newest=keys[0] if keys else None)


def unread_of_many(user_ids: Collection[Any]) -> dict[Any, Unread]:
    """Return the unread items of many readers, by the user's key: one query, some index reads each.

    Args:
        user_ids: The readers' keys.
    """
    unread = InboxItem.objects.visible().unread().filter(user=OuterRef("pk"))
    newest = unread.order_by("-visible_from", "-pk").values("pk")[:1]
    readers = get_user_model()._base_manager.using(InboxItem.objects.db).filter(pk__in=user_ids)
    rows = readers.values_list(
        "pk",
        Subquery(newest),
        _number_of(unread.order_by("-visible_from").values("pk")),
    )
    return {pk: Unread(count=count, newest=key) for pk, key, count in rows}


class _CountOfRows(Subquery):
    """The number of rows of a subquery with a limit."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


def _number_of(unread: Any) -> Any:
    """Return the number of a reader's unread items, at most 100: that many rows of the index.

    Args:
        unread: The items in order, with a reference to the reader.
    """
    if connections[unread.db].vendor != "mysql":
        return _CountOfRows(unread[:MOST_COUNTED])
    # MariaDB knows no outer query in FROM. So all are counted, only where there is no hundredth.
    last_counted = Subquery(unread[MOST_COUNTED - 1 : MOST_COUNTED])
    counted = unread.order_by().values("user").annotate(number=Count("pk")).values("number")
    return Case(
        When(IsNull(last_counted, False), then=MOST_COUNTED),
        default=Coalesce(Subquery(counted), 0),
    )
