"""Items whose time has not come, called off or moved by the idempotency key of ``notify()``."""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import Q
from django.utils import timezone

from ...batches import batched
from ...database import DEADLOCK_ATTEMPTS, despite_deadlocks
from .keys import event_ids_of
from .models import InboxItem
from .models.item_queryset import CHANGED_AT_ONCE, InboxItemQuerySet
from .models.state import ItemState


def cancel(key: str, user_ids: Collection[Any] | None, *, using: str) -> int:
    """Cancel items: an item that expires before its time is never seen, and its key stays taken.

    Args:
        key: The idempotency key.
        user_ids: The keys of the readers; ``None``: all.
        using: The database's alias.
    """
    now = timezone.now()
    return _change(_to_come(key, user_ids, now, using), {"expires_at": now})


def reschedule(
    key: str,
    moment: datetime,
    user_ids: Collection[Any] | None,
    *,
    expires_at: datetime | None,
    using: str,
) -> int:
    """Move items; a moment that has passed shows the items at once.

    Args:
        key: The idempotency key.
        moment: When the readers see the items.
        user_ids: The keys of the readers; ``None``: all.
        expires_at: The new end of the items' time; ``None``: each item keeps its own.
        using: The database's alias.
    """
    now = timezone.now()
    values = {"visible_from": max(moment, now)}
    if expires_at is not None:
        values["expires_at"] = expires_at
    return _change(_to_come(key, user_ids, now, using), values)


def first_expired(
    key: str, moment: datetime, user_ids: Collection[Any] | None, *, using: str
) -> tuple[str, datetime] | None:
    """Return title and end of an item that would expire before a moment.

    Args:
        key: The idempotency key.
        moment: The moment.
        user_ids: The keys of the readers; ``None``: all.
        using: The database's alias.
    """
    rows = _to_come(key, user_ids, timezone.now(), using).filter(expires_at__lte=moment)
    first = rows.select_related("event").order_by("expires_at").first()
    if first is None or first.expires_at is None:
        return None
    return first.event.title, first.expires_at


def _to_come(
    key: str, user_ids: Collection[Any] | None, now: datetime, using: str
) -> InboxItemQuerySet:
    rows: InboxItemQuerySet = InboxItem.objects.using(using).filter(
        Q(expires_at=None) | Q(expires_at__gt=now),
        event__in=event_ids_of(key),
        state__in=(ItemState.UNREAD, ItemState.WITHHELD),
        visible_from__gt=now,
    )
    return rows if user_ids is None else rows.filter(user__in=user_ids)


def _change(rows: InboxItemQuerySet, values: Mapping[str, Any]) -> int:
    changed = 0
    for keys in batched(list(rows.order_by("pk").values_list("pk", flat=True)), CHANGED_AT_ONCE):
        # With all conditions again: an item may have become visible meanwhile.
        change = partial(rows.filter(pk__in=keys).update, **values)
        changed += despite_deadlocks(change, attempts=DEADLOCK_ATTEMPTS, using=rows.db)
    return changed
