"""``notify.send()``: the call of django-notifications-hq, answered by the inbox."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group
from django.db import router, transaction
from django.db.models import Model

from ....models import Notification
from ....models.moments import as_project_time
from ....notification_creators import notify as creator
from ..keys import event_id_of
from ..models import InboxEvent, InboxItem
from ..sentence import sentence


def send(
    sender: Model,
    *,
    recipient: Any,
    verb: Any,
    action_object: Model | None = None,
    target: Model | None = None,
    level: str = InboxEvent.Level.INFO,
    description: Any = None,
    public: bool = True,
    timestamp: datetime | None = None,
    **data: Any,
) -> list[tuple[Callable[..., Any], list[InboxItem]]]:
    """Write an event into the inbox of each recipient who has not opted out.

    Args:
        sender: The actor: a saved instance of a model.
        recipient: A user, a group, or a queryset or list of users.
        verb: What the actor did, such as ``"commented"``.
        action_object: What the actor made or used.
        target: The object that it was done to; the event's ``about``.
        level: ``info``, ``success``, ``warning`` or ``error``.
        description: The body.
        public: Kept in ``event.data``.
        timestamp: When it happened; the items show from then on. By default now.
        **data: Kept in ``event.data``, as JSON.

    Returns:
        A list with one pair, as a signal returns: this function, and the new items by key. All
        items share the event. The list of items is in memory; ``notify()`` has no such list.

    Raises:
        InvalidNotification: When the inbox could not show a value; the message names the argument.
    """
    key = f"notify.send:{uuid.uuid4()}"
    event_id = event_id_of(key)
    using = router.db_for_write(Notification)
    moment = None if timestamp is None else as_project_time(timestamp)
    title = sentence(_name(sender), str(verb), _name(action_object), _name(target))
    with transaction.atomic(using=using):
        creator.notify(
            recipient.user_set.all() if isinstance(recipient, Group) else recipient,
            title,
            "" if description is None else str(description),
            target="inbox",
            scheduled_delivery=moment,
            extra={
                "verb": str(verb),
                "level": level,
                "data": {"emailed": False, "public": bool(public), **data},
            },
            idempotency_key=key,
            quiet=True,  # nobody to tell is no error there
            actor=sender,
            action_object=action_object,
            about=target,
        )
        if moment is not None:
            InboxEvent.objects.using(using).filter(pk=event_id).update(created=moment)
    items = InboxItem.objects.using(using).filter(event=event_id).select_related("event")
    return [(send, list(items.order_by("pk")))]


def _name(given: Any) -> str:
    return "" if given is None else str(given)
