"""Old items, and what the inbox stores about a person."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connections, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from ...batches import by_key
from ...database import patiently
from .models import InboxEvent, InboxItem
from .models.state import ItemState

#: What an export says of an item, and of the item's event.
ITEM_FIELDS = ("id", "state", "visible_from", "expires_at", "read_at")
EVENT_FIELDS = ("category", "type", "level", "title", "body", "url", "verb", "data", "created")
EXPORTED_AT_ONCE = 500


def old_items(before: datetime, *, using: str) -> QuerySet[InboxItem]:
    """Return the items read, expired or withheld before a moment.

    An item stays as long as a fallback may ask about it.

    Args:
        before: The moment.
        using: The database's alias.
    """
    is_read = Q(state__in=(ItemState.READ, ItemState.ARCHIVED), read_at__lt=before)
    asked = InboxEvent.objects.using(using).filter(pk=OuterRef("event"), keep_until__gte=before)
    is_withheld = Q(state=ItemState.WITHHELD, visible_from__lt=before)
    rows: QuerySet[InboxItem] = InboxItem.objects.using(using)
    return rows.filter(is_read | is_withheld | Q(expires_at__lt=before), ~Exists(asked))


def events_without_items(before: datetime, *, using: str) -> QuerySet[InboxEvent]:
    """Return the events that nobody has in the inbox, made before a moment.

    Args:
        before: The moment.
        using: The database's alias.
    """
    items = InboxItem.objects.using(using).filter(event=OuterRef("pk"))
    return InboxEvent.objects.using(using).filter(~Exists(items), created__lt=before)


def delete_old(before: datetime, batch_size: int, *, using: str) -> Iterator[int]:
    """Delete old items, then the events without items; yield the number of items of each batch.

    Both tables are walked by their keys, a short transaction a batch: neither has an index for its
    age, which a badge's query would pay for.

    Args:
        before: The moment.
        batch_size: How many rows a batch reads and deletes.
        using: The database's alias.
    """
    items = partial(old_items, before, using=using)
    for _keys, deleted in _delete_by_key(items, batch_size, using=using):
        yield deleted
    events = partial(events_without_items, before, using=using)
    for _keys, _deleted in _delete_by_key(events, batch_size, using=using):
        yield 0


def _delete_by_key(selection: Any, batch_size: int, *, using: str) -> Iterator[tuple[Any, int]]:
    last: Any = None
    while True:
        last, deleted = patiently(
            partial(_delete_batch, selection, batch_size, last, using), using=using
        )
        if last is None:
            return
        yield last, deleted


def _delete_batch(selection: Any, batch_size: int, last: Any, using: str) -> tuple[Any, int]:
    rows = selection().order_by("pk")
    if last is not None:
        rows = rows.filter(pk__gt=last)
    keys = list(rows.values_list("pk", flat=True)[:batch_size])
    if not keys:
        return None, 0
    with transaction.atomic(using=using):
        rows = selection().filter(pk__in=keys)  # once more: somebody may have changed a row
        if rows.model is InboxEvent:
            return keys[-1], _delete_events(rows, using)
        return keys[-1], rows.delete()[0]


def _delete_events(rows: QuerySet[InboxEvent], using: str) -> int:
    """Delete events; an event that gets an item meanwhile is locked by the item's insert."""
    if connections[using].features.has_select_for_update:
        keys = list(rows.order_by("pk").select_for_update().values_list("pk", flat=True))
        rows = events_among(keys, using=using)
    return rows.delete()[0]


def events_among(keys: list[Any], *, using: str) -> QuerySet[InboxEvent]:
    """Return those of some locked events that have no items even now.

    Args:
        keys: The events' keys.
        using: The database's alias.
    """
    items = InboxItem.objects.using(using).filter(event=OuterRef("pk"))
    return InboxEvent.objects.using(using).filter(~Exists(items), pk__in=keys)


def exported(user_id: Any, *, using: str) -> Iterator[dict[str, Any]]:
    """Yield what the inbox stores about a person: the person's items with their texts.

    The objects of an event are named by model and key, and other readers not at all.

    Args:
        user_id: The user's key.
        using: The database's alias.
    """
    rows = InboxItem.objects.using(using).filter(user=user_id).select_related("event")
    for found in by_key(rows, EXPORTED_AT_ONCE):
        for item in found:
            event = item.event
            yield {
                **{name: getattr(item, name) for name in ITEM_FIELDS},
                "state": ItemState(item.state).name.lower(),
                **{name: getattr(event, name) for name in EVENT_FIELDS},
                **{name: event.reference(name) for name in ("actor", "about", "action_object")},
            }


def of_person(user_id: Any, *, using: str) -> QuerySet[InboxItem]:
    """Return a person's items.

    Args:
        user_id: The user's key.
        using: The database's alias.
    """
    rows: QuerySet[InboxItem] = InboxItem.objects.using(using)
    return rows.filter(user=user_id)


def erase(user_id: Any, batch_size: int, *, using: str) -> int:
    """Delete a batch of a person's items, and the events that only this person has read.

    Args:
        user_id: The user's key.
        batch_size: The most items.
        using: The database's alias.

    Returns:
        How many items were deleted.
    """
    rows = of_person(user_id, using=using)
    with transaction.atomic(using=using):
        found = list(rows.order_by("pk").values_list("pk", "event")[:batch_size])
        own = InboxItem.objects.using(using).filter(pk__in=[pk for pk, _event in found])
        deleted: int = own.delete()[0]
        if found:
            events = sorted({event for _pk, event in found})
            _delete_events(events_among(events, using=using), using)
    return deleted
