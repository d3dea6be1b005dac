"""The inbox that the core writes into and asks: see ``on_site.Inbox``."""

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from ...database import leaving_existing
from ...draft import Draft
from ...message_types.declaration import MessageType
from ...models.keys import new_key
from ...models.locking import locked
from ...on_site import Telling
from . import stored, to_come
from .content import event_values
from .keys import event_id_of, event_ids_of
from .models import InboxEvent, InboxItem
from .models.state import ItemState
from .previewing import preview
from .signals import inbox_added
from .withholding import reconsider


class SiteInbox:
    """The inbox of this project; see ``on_site.Inbox``."""

    @property
    def label(self) -> str:
        """The name for people."""
        return _("Inbox")

    def check(self, draft: Draft, objects: Mapping[str, Any]) -> None:
        """Refuse what no inbox could show."""
        event_values(draft, objects)

    def new_event_id(self, draft: Draft) -> uuid.UUID:
        """Return the key of the event that tells a draft."""
        if draft.idempotency_key is None:
            return new_key()
        return event_id_of(draft.idempotency_key, draft.language)

    def write(
        self,
        tellings: Sequence[Telling],
        *,
        visible_from: datetime,
        keep_until: datetime | None,
        objects: Mapping[str, Any],
        using: str,
    ) -> int:
        """Write an item for each user, and before the first the event."""
        events = {
            each.event_id: InboxEvent(
                pk=each.event_id, keep_until=keep_until, **event_values(each.draft, objects)
            )
            for each in tellings
        }
        _insert([events[each.event_id] for each in tellings if each.is_first], using=using)
        user_ids = [user_id for each in tellings for user_id in each.user_ids]
        if tellings[0].draft.idempotency_key is not None:
            events, known = _known(events, tellings[0].draft, user_ids, using=using)
            for event in events.values():
                _keep(event, keep_until, using=using)
        elif all(each.is_first for each in tellings):
            known = set()
        else:
            # Somebody may be among the users of an earlier batch too.
            known = _readers(list(events), user_ids, using=using)
        items = [
            InboxItem(
                user_id=user_id,
                event_id=each.event_id,
                visible_from=visible_from,
                expires_at=each.draft.expires_at,
            )
            for each in tellings
            for user_id in each.user_ids
            if user_id not in known
        ]
        InboxItem.objects.using(using).bulk_create(items, **leaving_existing("event", using=using))
        if inbox_added.has_listeners(InboxItem):
            for event in events.values():
                _tell_of(event, items, visible_from, using=using)
        return len(items)

    def preview(self, message: MessageType, *, language: str, reader: Any) -> str:
        """Return a page with a message as an item."""
        return preview(message, language=language, reader=reader)

    def reconsider(self, user_ids: Collection[Any], *, using: str) -> None:
        """Apply people's words to the items that are not visible yet."""
        reconsider(user_ids, using=using)

    def cancel(self, idempotency_key: str, user_ids: Collection[Any] | None, *, using: str) -> int:
        """Cancel the items with a key that are not visible yet."""
        return to_come.cancel(idempotency_key, user_ids, using=using)

    def reschedule(
        self,
        idempotency_key: str,
        moment: datetime,
        user_ids: Collection[Any] | None,
        *,
        expires_at: datetime | None,
        using: str,
    ) -> int:
        """Move the items with a key that are not visible yet."""
        return to_come.reschedule(
            idempotency_key, moment, user_ids, expires_at=expires_at, using=using
        )

    def first_expired(
        self,
        idempotency_key: str,
        moment: datetime,
        user_ids: Collection[Any] | None,
        *,
        using: str,
    ) -> tuple[str, datetime] | None:
        """Return title and end of an item with a key that would expire before a moment."""
        return to_come.first_expired(idempotency_key, moment, user_ids, using=using)

    def is_read(
        self, asked: Collection[tuple[uuid.UUID, Any]], *, using: str
    ) -> set[tuple[uuid.UUID, Any]]:
        """Return the pairs of event and user whose item was read or archived."""
        rows = InboxItem.objects.using(using).filter(
            event__in={event_id for event_id, _user in asked},
            user__in={user_id for _event, user_id in asked},
        )
        rows = rows.filter(state__in=(ItemState.READ, ItemState.ARCHIVED))
        found = rows.values_list("event", "user")
        return set(asked) & set(found)

    def count_old(self, before: datetime, *, using: str) -> int:
        """Count the items read, or expired, before a moment."""
        return stored.old_items(before, using=using).count()

    def delete_old(self, before: datetime, batch_size: int, *, using: str) -> Iterator[int]:
        """Delete those items, and events without items."""
        return stored.delete_old(before, batch_size, using=using)

    def exported(self, user_id: Any, *, using: str) -> Iterator[dict[str, Any]]:
        """Yield what the inbox stores about a person."""
        return stored.exported(user_id, using=using)

    def count_of(self, user_id: Any, *, using: str) -> int:
        """Count a person's items."""
        return stored.of_person(user_id, using=using).count()

    def erase(self, user_id: Any, batch_size: int, *, using: str) -> int:
        """Delete a batch of a person's items."""
        return stored.erase(user_id, batch_size, using=using)


def _insert(events: Iterable[InboxEvent], *, using: str) -> None:
    """Insert the events that are not there yet, in the order of their keys.

    Of an event that exists only the key is the same, and no update can name the key. The draft was
    checked, so MariaDB has no value to cut.
    """
    new = sorted(events, key=lambda event: event.pk)
    if new:
        InboxEvent.objects.using(using).bulk_create(new, ignore_conflicts=True)


def _tell_of(
    event: InboxEvent, items: Iterable[InboxItem], visible_from: datetime, *, using: str
) -> None:
    """Send the signal of an event's new items, once the transaction is committed."""
    user_ids = [item.user_id for item in items if item.event_id == event.pk]
    if user_ids:
        send = partial(
            inbox_added.send_robust,
            InboxItem,
            event=event,
            user_ids=user_ids,
            visible_from=visible_from,
            using=using,
        )
        transaction.on_commit(send, using=using)


def _known(
    events: Mapping[uuid.UUID, InboxEvent],
    draft: Draft,
    user_ids: Collection[Any],
    *,
    using: str,
) -> tuple[dict[uuid.UUID, InboxEvent], set[Any]]:
    """Return the stored events of an occasion, and who of the users has an item already.

    The events' rows are locked: of two calls at once, the second sees what the first has written.
    Somebody who changed the language has the item in the other language.

    Args:
        events: The events as the caller tells them now, by key.
        draft: The content in one of the languages, with an idempotency key.
        user_ids: The users' keys.
        using: The database's alias.
    """
    ids = set(events)
    if draft.language:
        ids |= event_ids_of(draft.idempotency_key or "")
    stored_events = InboxEvent.objects.using(using)
    rows = {row.pk: row for row in locked(stored_events.filter(pk__in=ids))}
    purged = events.keys() - rows.keys()
    if purged:
        # A purge has deleted the events that the insert met. Now the rows are this transaction's.
        _insert([events[key] for key in purged], using=using)
        rows |= {row.pk: row for row in locked(stored_events.filter(pk__in=purged))}
    return {key: rows[key] for key in events}, _readers(list(rows), user_ids, using=using)


def _keep(event: InboxEvent, until: datetime | None, *, using: str) -> None:
    """Let a purge keep the items of a stored event longer, where a later fallback asks."""
    if until is None or (event.keep_until is not None and event.keep_until >= until):
        return
    event.keep_until = until
    event.save(using=using, update_fields=["keep_until"])


def _readers(
    event_ids: Collection[uuid.UUID], user_ids: Collection[Any], *, using: str
) -> set[Any]:
    rows = InboxItem.objects.using(using).filter(event__in=event_ids, user__in=user_ids)
    # With a lock, MariaDB reads what is there now and not what was there as the transaction began.
    return set(locked(rows).values_list("user", flat=True))
