"""The inbox as the core sees the inbox: an app fills this place at start, or none does.

``django_notification_system.contrib.inbox`` is such an app. Without an app, every question here has
an answer that asks no database.
"""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from .exceptions import InvalidNotification

if TYPE_CHECKING:
    from .draft import Draft
    from .message_types.declaration import MessageType

#: The name of the inbox among a call's targets, and the key of the inbox in preferences.
INBOX = "inbox"
#: The keys of ``extra`` by which a run knows a notification that is not sent once read.
EVENT, UNLESS, READ = "event", "unless", "read"
#: The app that brings the inbox.
INBOX_APP = "django_notification_system.contrib.inbox"


@dataclass(frozen=True, kw_only=True)
class Telling:
    """A message in one language, for some users.

    Attributes:
        event_id: The key of the event.
        draft: The content.
        user_ids: The keys of existing users, at most a few thousand.
        is_first: Whether the transaction has not written the event yet.
    """

    event_id: uuid.UUID
    draft: "Draft"
    user_ids: Collection[Any]
    is_first: bool


class Inbox(Protocol):
    """What an app does that keeps an inbox for each user."""

    @property
    def label(self) -> str:
        """The name for people."""
        ...

    def check(self, draft: "Draft", objects: Mapping[str, Any]) -> None:
        """Refuse what no inbox could show.

        Args:
            draft: The content.
            objects: The objects ``actor``, ``about`` and ``action_object``, where given.

        Raises:
            InvalidNotification: The message names the argument.
        """
        ...

    def new_event_id(self, draft: "Draft") -> uuid.UUID:
        """Return the key of the event that tells a draft: the same for the same idempotency key.

        Args:
            draft: The content.
        """
        ...

    def write(
        self,
        tellings: Sequence[Telling],
        *,
        visible_from: datetime,
        keep_until: datetime | None,
        objects: Mapping[str, Any],
        using: str,
    ) -> int:
        """Write an item for each user, and before the first the event.

        Args:
            tellings: The same message in several languages, each for other users.
            visible_from: When the users see the items.
            keep_until: A purge keeps read items until this moment; ``None``: no fallback asks.
            objects: As for ``check()``.
            using: The database's alias; a transaction is open on the connection.

        Returns:
            How many items are new.
        """
        ...

    def preview(self, message: "MessageType", *, language: str, reader: Any) -> str:
        """Return a page, as HTML, with a message as an item; nothing is stored.

        Args:
            message: The message; the objects among the parameters need not be saved.
            language: The language's code.
            reader: The user for the templates.

        Raises:
            InvalidNotification: When the title cannot be rendered, or the inbox could not show it.
            CannotRender: When another template cannot be rendered.
        """
        ...

    def reconsider(self, user_ids: Collection[Any], *, using: str) -> None:
        """Withhold the items to come that their readers want no more, and give the others back.

        Args:
            user_ids: The keys of the users whose words have changed.
            using: The database's alias; a transaction is open on the connection.
        """
        ...

    def cancel(self, idempotency_key: str, user_ids: Collection[Any] | None, *, using: str) -> int:
        """Cancel the items with a key that are not visible yet, and return the number.

        The items stay, so that a call with the key writes no others.

        Args:
            idempotency_key: The key.
            user_ids: The keys of the readers; ``None``: all.
            using: The database's alias.
        """
        ...

    def reschedule(
        self,
        idempotency_key: str,
        moment: datetime,
        user_ids: Collection[Any] | None,
        *,
        expires_at: datetime | None,
        using: str,
    ) -> int:
        """Move the items with a key that are not visible yet, and return the number.

        Args:
            idempotency_key: The key.
            moment: When the readers see the items.
            user_ids: The keys of the readers; ``None``: all.
            expires_at: The new end of the items' time; ``None``: each item keeps its own.
            using: The database's alias.
        """
        ...

    def first_expired(
        self,
        idempotency_key: str,
        moment: datetime,
        user_ids: Collection[Any] | None,
        *,
        using: str,
    ) -> tuple[str, datetime] | None:
        """Return title and end of an item with a key that would expire before a moment.

        Args:
            idempotency_key: The key.
            moment: The moment.
            user_ids: The keys of the readers; ``None``: all.
            using: The database's alias.
        """
        ...

    def is_read(
        self, asked: Collection[tuple[uuid.UUID, Any]], *, using: str
    ) -> set[tuple[uuid.UUID, Any]]:
        """Return the pairs of event and user whose item was read or archived, with one query.

        Args:
            asked: Keys of events and of users.
            using: The database's alias.
        """
        ...

    def count_old(self, before: datetime, *, using: str) -> int:
        """Count the items read, or expired, before a moment.

        Args:
            before: The moment.
            using: The database's alias.
        """
        ...

    def delete_old(self, before: datetime, batch_size: int, *, using: str) -> Iterator[int]:
        """Delete those items, and events without items; yield the number of items of each batch.

        Args:
            before: The moment.
            batch_size: How many rows a batch deletes.
            using: The database's alias.
        """
        ...

    def exported(self, user_id: Any, *, using: str) -> Iterator[dict[str, Any]]:
        """Yield what the inbox stores about a person, an item after the other.

        Args:
            user_id: The user's key.
            using: The database's alias.
        """
        ...

    def count_of(self, user_id: Any, *, using: str) -> int:
        """Count a person's items.

        Args:
            user_id: The user's key.
            using: The database's alias.
        """
        ...

    def erase(self, user_id: Any, batch_size: int, *, using: str) -> int:
        """Delete a batch of a person's items in a transaction, and return the number.

        Args:
            user_id: The user's key.
            batch_size: The most items.
            using: The database's alias.
        """
        ...


_inbox: Inbox | None = None


def install_inbox(inbox: Inbox) -> None:
    """Let the core write into an inbox from now on; called at the start of the process.

    Args:
        inbox: The inbox.
    """
    global _inbox  # one for the process
    _inbox = inbox


def installed_inbox() -> Inbox | None:
    """Return the inbox, or ``None`` in a project without an inbox."""
    return _inbox


def reconsider_items(user_ids: Collection[Any], *, using: str) -> None:
    """Let the inbox, if any, apply people's words to the items that are not visible yet.

    Args:
        user_ids: The keys of the users whose words have changed.
        using: The database's alias; a transaction is open on the connection.
    """
    if _inbox is not None:
        _inbox.reconsider(user_ids, using=using)


def inbox_keys() -> frozenset[str]:
    """Return the keys of targets that no ``NotificationTarget`` stands for: ``inbox``, or none."""
    return frozenset() if _inbox is None else frozenset({INBOX})


def is_inbox(name: Any) -> bool:
    """Tell whether a name is the inbox's among targets.

    Args:
        name: The name, or any other object.
    """
    return isinstance(name, str) and name.casefold() == INBOX


def without_inbox() -> InvalidNotification:
    """Return the error for a call that needs an inbox, in a project without one."""
    return InvalidNotification(
        f"There is no inbox: add {INBOX_APP!r} to INSTALLED_APPS and run migrate.",
        argument="target",
    )


@dataclass(frozen=True)
class Fallback:
    """A target that gets a message only if the user has not read the message on the site.

    ``notify(users, …, target=["inbox", Fallback("Email", after=timedelta(minutes=10))])`` writes
    into the inbox now. The email is due ten minutes later, and ends as ``CANCELLED`` where the user
    has read or archived the item by then.

    Attributes:
        target: The target, or its name, as in ``notify()``.
        after: The time from the message in the inbox to this target's.

    Raises:
        InvalidNotification: When ``after`` is no positive ``timedelta``, or the target is the
            inbox.
    """

    target: Any
    after: timedelta = field(kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.after, timedelta) or self.after <= timedelta(0):
            raise InvalidNotification(
                f"Fallback({self.target!r}): after must be a positive timedelta, such as"
                f" timedelta(minutes=10), not {self.after!r}.",
                argument="target",
            )
        if is_inbox(self.target):
            raise InvalidNotification(
                "Fallback('inbox') has no meaning: a fallback is for what was not read in the"
                " inbox. Name another target.",
                argument="target",
            )
