"""Lists of items, the number of unread items, and changes of many items."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from asgiref.sync import sync_to_async
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.db.models.lookups import LessThan
from django.utils import timezone

from ....database import DEADLOCK_ATTEMPTS, despite_deadlocks
from ..cursor import Cursor
from ..signals import inbox_read
from .state import ItemState

if TYPE_CHECKING:
    from .item import InboxItem

#: How many items a statement changes; a database locks the rows no longer than so.
CHANGED_AT_ONCE = 1000
#: A badge shows no greater number: "99+".
MOST_COUNTED = 100
#: As an expression, which no index serves: SQLite would prefer a range of states to a single state,
#: and sort the items.
IS_NOT_WITHHELD = LessThan(F("state") + 0, ItemState.WITHHELD)


class InboxItemQuerySet(models.QuerySet["InboxItem"]):
    """Items in lists, and changes of many items.

    Without ``unread()``, ``read()`` or ``archived()``, ``newest()`` lists what is unread or read.
    """

    #: The states of the list. One query for each: the index has no order across states.
    _states: tuple[ItemState, ...] = (ItemState.UNREAD, ItemState.READ)

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc] # Django's, not in the stubs
        clone._states = self._states
        return clone

    def of(self, user: Any, *, at: datetime | None = None) -> Self:
        """Return the items that a person may see: visible already, and not expired.

        Args:
            user: The person. Somebody who has not logged in has no items.
            at: The moment; by default now.
        """
        if user.pk is None:
            return self.none()
        return self.filter(user=user.pk).visible(at=at)

    def visible(self, *, at: datetime | None = None) -> Self:
        """Return the items that are visible already, have not expired and are not withheld.

        Args:
            at: The moment; by default now.
        """
        now = at or timezone.now()
        return self.filter(
            Q(expires_at=None) | Q(expires_at__gt=now),
            IS_NOT_WITHHELD,
            visible_from__lte=now,
        )

    def unread(self) -> Self:
        """Return the unread items."""
        return self._of_state(ItemState.UNREAD)

    def read(self) -> Self:
        """Return the items that were read and not archived."""
        return self._of_state(ItemState.READ)

    def archived(self) -> Self:
        """Return the archived items."""
        return self._of_state(ItemState.ARCHIVED)

    def newest(self, count: int = 20, *, before: str | Cursor | None = None) -> list["InboxItem"]:
        """Return the newest items with their events: one query for each state in the list.

        Args:
            count: The most items.
            before: The ``cursor`` of the last item on the page before.

        Raises:
            ValueError: When ``before`` is no cursor.
        """
        if isinstance(before, str):
            before = Cursor.read(before)
        found: list[InboxItem] = []
        for state in self._states:
            rows = self._in_order(state).select_related("event")
            found += _behind(rows, before)[:count]
        found.sort(key=lambda item: (item.visible_from, item.pk), reverse=True)
        return found[:count]

    def mark_read(self) -> int:
        """Mark the unread items as read; return how many were.

        A thousand at a time by their keys, the newest first, each thousand in a transaction of its
        own. ``inbox_read`` is sent after each.
        """
        return self._change((ItemState.UNREAD,), state=ItemState.READ, read_at=timezone.now())

    mark_read.alters_data = True  # type: ignore[attr-defined] # Django's mark for templates

    def mark_unread(self) -> int:
        """Mark the items as unread, archived items too; return how many were not."""
        return self._change(
            (ItemState.READ, ItemState.ARCHIVED), state=ItemState.UNREAD, read_at=None
        )

    mark_unread.alters_data = True  # type: ignore[attr-defined]

    def archive(self) -> int:
        """Archive the items; return how many were not archived. An unread item counts as read."""
        read_at = Coalesce("read_at", timezone.now())
        return self._change(
            (ItemState.UNREAD, ItemState.READ), state=ItemState.ARCHIVED, read_at=read_at
        )

    archive.alters_data = True  # type: ignore[attr-defined]

    def _of_state(self, state: ItemState) -> Self:
        found = self.filter(state=state)
        found._states = (state,)
        return found

    def _in_order(self, state: ItemState) -> Self:
        return self.filter(state=state).order_by("-visible_from", "-pk")

    def _change(self, before: tuple[ItemState, ...], **values: Any) -> int:
        self._for_write = True
        changed = 0
        for state in before:
            for rows in self._batches(state):
                change = partial(self._change_batch, rows, state, values)
                changed += despite_deadlocks(change, attempts=DEADLOCK_ATTEMPTS, using=self.db)
        return changed

    def _batches(self, state: ItemState) -> Iterator[list[tuple[Any, ...]]]:
        """Yield keys, users and moments of the items in a state, a thousand at a time.

        Each batch begins behind the last one: another transaction's change may be invisible here,
        and the same rows would come again and again.

        Args:
            state: The state.
        """
        last: Cursor | None = None
        while True:
            rows = list(
                _behind(self.using(self.db)._in_order(state), last).values_list(
                    "pk", "user_id", "visible_from"
                )[:CHANGED_AT_ONCE]
            )
            if rows:
                yield rows
            if len(rows) < CHANGED_AT_ONCE:
                return
            pk, _user_id, visible_from = rows[-1]
            last = Cursor(visible_from=visible_from, pk=pk)

    def _change_batch(
        self, rows: list[tuple[Any, ...]], state: ItemState, values: dict[str, Any]
    ) -> int:
        using = self.db
        keys = [pk for pk, _user_id, _moment in rows]
        with transaction.atomic(using=using):
            changed = (
                self.model._base_manager.using(using)
                .filter(pk__in=keys, state=state)
                .update(**values)
            )
            if changed and state == ItemState.UNREAD and inbox_read.has_listeners(self.model):
                send = partial(
                    inbox_read.send_robust,
                    self.model,
                    item_ids=keys,
                    user_ids=list(dict.fromkeys(user_id for _pk, user_id, _moment in rows)),
                    using=using,
                )
                transaction.on_commit(send, using=using)
        return changed


class InboxItemManager(models.Manager.from_queryset(InboxItemQuerySet)["InboxItem"]):  # type: ignore[misc] # made at run time
    """The manager ``InboxItem.objects``."""

    def unread_count(self, user: Any, most: int = MOST_COUNTED) -> int:
        """Return how many unread items a person sees, counted no further than ``most``.

        Args:
            user: The person.
            most: The greatest number of interest. A badge shows "99+" for 100.
        """
        unread = self.of(user).unread()
        # Ordered: else PostgreSQL scans the table from its start, expecting to find enough early.
        return int(unread.order_by("-visible_from")[:most].count())

    async def aunread_count(self, user: Any, most: int = MOST_COUNTED) -> int:
        """Return what ``unread_count()`` returns; the query runs in the thread of Django's code.

        Args:
            user: The person.
            most: The greatest number of interest.
        """
        return await sync_to_async(self.unread_count, thread_sensitive=True)(user, most)


def _behind(rows: Any, cursor: Cursor | None) -> Any:
    """Return the rows behind a place in the list.

    Args:
        rows: Rows in order.
        cursor: The place; ``None`` for the beginning.
    """
    if cursor is None:
        return rows
    # The first term serves the index, which an OR alone would not.
    return rows.filter(
        Q(visible_from__lt=cursor.visible_from) | Q(pk__lt=cursor.pk),
        visible_from__lte=cursor.visible_from,
    )
