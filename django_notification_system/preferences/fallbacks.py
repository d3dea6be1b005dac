"""Fallbacks that are not needed any more: the user has read the message on the site."""

import uuid
from collections.abc import Iterable
from typing import Any

from ..models import Notification
from ..on_site import EVENT, READ, UNLESS, installed_inbox
from .lookup import Refusal

#: The refusal of a fallback whose user has read or archived the item.
READ_ON_SITE = Refusal(Notification.CANCELLED, "read on the site", "Read on the site.")


def read_on_site(notifications: Iterable[Notification], *, using: str) -> dict[uuid.UUID, Refusal]:
    """Return the refused fallbacks by key, with one query where some rows are fallbacks.

    Args:
        notifications: Notifications with their records loaded; of a row whose ``extra`` a claim has
            left in the database, nothing is known.
        using: The database's alias.
    """
    inbox = installed_inbox()
    if inbox is None:
        return {}
    rows = list(notifications)
    users = {each.pk: each.target_user_record.user_id for each in rows}
    events = {each.pk: event for each in rows if (event := _event_of(each)) is not None}
    asked = {key: (event, users[key]) for key, event in events.items() if users[key] is not None}
    if not asked:
        return {}
    read = inbox.is_read(set(asked.values()), using=using)
    return {key: READ_ON_SITE for key, pair in asked.items() if pair in read}


def _event_of(notification: Notification) -> uuid.UUID | None:
    extra = notification.__dict__.get("extra")
    if not isinstance(extra, dict) or extra.get(UNLESS) != READ:
        return None
    return _uuid(extra.get(EVENT))


def _uuid(said: Any) -> uuid.UUID | None:
    try:
        return uuid.UUID(said)
    except (AttributeError, TypeError, ValueError):
        return None  # a project's own word in ``extra``
