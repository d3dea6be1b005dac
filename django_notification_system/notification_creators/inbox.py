"""The inbox in one call: events and items beside the notifications."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from ..categories import heeds_opt_outs
from ..draft import Draft
from ..exceptions import InvalidNotification
from ..models import NotificationTarget
from ..models.locking import share_locked
from ..on_site import EVENT, READ, UNLESS, Inbox, Telling, installed_inbox
from .chosen import Chosen
from .recipient import Content


class InboxOfCall:
    """Writes the items of one call, and marks the notifications of its fallbacks.

    Args:
        inbox: The project's inbox.
        content: The content.
        objects: The objects ``actor``, ``about`` and ``action_object``, where given.
        delays: By the key of a target that is a fallback: the time to wait for the user to read.
        using: The database's alias.
    """

    def __init__(
        self,
        inbox: Inbox,
        content: Content,
        *,
        objects: Mapping[str, Any],
        delays: Mapping[uuid.UUID, timedelta],
        using: str,
    ) -> None:
        self._inbox = inbox
        self._content = content
        self._objects = objects
        self._delays = delays
        self._visible_from: datetime = content.draft.scheduled_delivery or timezone.now()
        self._keep_until = self._visible_from + max(delays.values()) if delays else None
        self._using = using
        #: By draft and target; the draft itself is kept, so that no other gets its identity.
        self._marked: dict[tuple[int, uuid.UUID], tuple[Draft, Draft]] = {}
        #: By language: a batch, and another attempt after a deadlock, go on with the same event.
        self._events: dict[str, uuid.UUID] = {}
        self._written: set[uuid.UUID] = set()

    def begin(self) -> None:
        """Begin the transaction, perhaps another after a deadlock."""
        self._written = set()

    def check(self, targets: Mapping[uuid.UUID, NotificationTarget]) -> None:
        """Refuse what could not be shown, or would expire before its turn.

        Args:
            targets: The targets of the call, by key.

        Raises:
            InvalidNotification: The message names the argument.
        """
        draft = self._content.draft
        self._inbox.check(draft, self._objects)
        if self._delays and (taken := {EVENT, UNLESS} & draft.extra.keys()):
            raise InvalidNotification(
                f"extra has {min(taken)!r}, and a Fallback needs this name for itself. Use another"
                " name."
            )
        for target_id, delay in self._delays.items():
            due_at = self._visible_from + delay
            if draft.expires_at is not None and draft.expires_at <= due_at:
                raise InvalidNotification(
                    f"Fallback({targets[target_id].name!r}) is due at {due_at}, and expires_at is"
                    f" {draft.expires_at}: it could never be sent. Wait less, or expire later.",
                    argument="target",
                )

    def write(
        self, keys: Sequence[Any], wanted: Callable[[list[Any]], list[Any]]
    ) -> tuple[int, int]:
        """Write an item for each user of a batch who wants one.

        Args:
            keys: The keys of the users.
            wanted: Returns the users who want the category, of the keys of users.

        Returns:
            How many users have an item, new or not, and how many items are new.
        """
        users = get_user_model()._base_manager.using(self._using).filter(pk__in=keys)
        if heeds_opt_outs(self._content.draft.category):
            users = users.exclude(notification_opt_out__active=True)
        # In one order always, so that two calls at once wait for each other and never deadlock.
        existing = [user.pk for user in share_locked(users.only("pk").order_by("pk"))]
        readers = wanted(existing) if existing else []
        tellings = list(self._tellings(readers)) if readers else []
        if not tellings:
            return 0, 0
        written = self._inbox.write(
            tellings,
            visible_from=self._visible_from,
            keep_until=self._keep_until,
            objects=self._objects,
            using=self._using,
        )
        self._written |= {each.event_id for each in tellings}
        return sum(len(each.user_ids) for each in tellings), written

    def _tellings(self, readers: Sequence[Any]) -> Iterator[Telling]:
        for draft, user_ids in self._content.for_inbox(readers, using=self._using):
            event_id = self._event_of(draft)
            is_first = event_id not in self._written
            yield Telling(event_id=event_id, draft=draft, user_ids=user_ids, is_first=is_first)

    def marked(self, draft: Draft, target: NotificationTarget) -> Draft:
        """Return a recipient's draft, for a fallback with a later moment and marks in ``extra``.

        Args:
            draft: The draft.
            target: The recipient's target.
        """
        delay = self._delays.get(target.pk)
        if delay is None:
            return draft
        place = (id(draft), target.pk)
        if place not in self._marked:
            marks = {EVENT: str(self._event_of(draft)), UNLESS: READ}
            due_at = self._visible_from + delay
            extra = {**draft.extra, **marks}
            self._marked[place] = draft, replace(draft, extra=extra, scheduled_delivery=due_at)
        return self._marked[place][1]

    def _event_of(self, draft: Draft) -> uuid.UUID:
        if draft.language not in self._events:
            self._events[draft.language] = self._inbox.new_event_id(draft)
        return self._events[draft.language]


def inbox_of_call(
    chosen: Chosen, content: Content, objects: Mapping[str, Any], *, using: str
) -> InboxOfCall | None:
    """Return the inbox's part of a call, or ``None`` where no inbox is among the targets.

    Args:
        chosen: The targets of the call.
        content: The content.
        objects: The objects ``actor``, ``about`` and ``action_object``; ``None`` where not given.
        using: The database's alias.

    Raises:
        InvalidNotification: When an object is given, and no inbox is among the targets.
    """
    given = {name: value for name, value in objects.items() if value is not None}
    inbox = installed_inbox() if chosen.with_inbox else None
    if inbox is not None:
        return InboxOfCall(inbox, content, objects=given, delays=chosen.delays, using=using)
    if given:
        raise InvalidNotification(
            f"{min(given)} is shown in the inbox only, and no inbox is among the targets. Add"
            f' "inbox" to target, or leave {min(given)} out.',
            argument=min(given),
        )
    return None
