"""A recipient of a new notification, with the content for this recipient."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from ..draft import Draft
from ..models import NotificationTarget

#: A record's key, its user's key, its target's key and, where asked for, its address.
Record = tuple[Any, ...]


class Recipient(NamedTuple):
    """A record that gets a notification.

    Attributes:
        record_id: The key of the record.
        target_id: The key of the record's target.
        draft: The content for the record. Among the drafts of a call only title, body, ``extra``
            and language differ, and the moment of a fallback.
    """

    record_id: uuid.UUID
    target_id: uuid.UUID
    draft: Draft


class Content(Protocol):
    """The content of a call: perhaps another for each recipient.

    Attributes:
        draft: What all recipients have in common.
        declined: How many recipients the content itself left out.
    """

    draft: Draft
    declined: int

    def read(self, rows: Any, columns: Sequence[str]) -> Iterable[Record]:
        """Read records, with what the content must know of their users.

        Args:
            rows: A queryset of records.
            columns: The columns to return.
        """
        ...

    def for_target(self, target: NotificationTarget) -> Draft:
        """Return a draft with a target's ``extra``, to be checked by the target's rules.

        Args:
            target: The target.
        """
        ...

    def for_record(self, record: Record, target: NotificationTarget) -> Draft | None:
        """Return the draft for a record, or ``None`` for a record to be left out.

        Args:
            record: The record, as ``read()`` returned it.
            target: The record's target.
        """
        ...

    def for_address(self, target: NotificationTarget) -> Draft | None:
        """Return the draft for addresses of people without an account, or ``None`` for no message.

        Args:
            target: The target of the addresses.
        """
        ...

    def for_user(self, user: Any, target: NotificationTarget) -> Draft | None:
        """Return the draft for a user whom a creator of the project's own notifies.

        Args:
            user: The user.
            target: The creator's target.
        """
        ...

    def for_inbox(
        self, user_ids: Sequence[Any], *, using: str
    ) -> Iterable[tuple[Draft, list[Any]]]:
        """Yield drafts for the inbox, each with the keys of its readers.

        All readers of a draft share the title. Drafts in several languages differ in ``language``.

        Args:
            user_ids: The keys of a batch of users.
            using: The database's alias.
        """
        ...


class SameForAll:
    """One draft for all recipients.

    Args:
        draft: The draft.
    """

    declined = 0

    def __init__(self, draft: Draft) -> None:
        self.draft = draft

    def read(self, rows: Any, columns: Sequence[str]) -> Iterable[Record]:
        """Read records."""
        found: Iterable[Record] = rows.values_list(*columns)
        return found

    def for_target(self, target: NotificationTarget) -> Draft:
        """Return the draft."""
        return self.draft

    def for_record(self, record: Record, target: NotificationTarget) -> Draft:
        """Return the draft."""
        return self.draft

    def for_address(self, target: NotificationTarget) -> Draft:
        """Return the draft."""
        return self.draft

    def for_user(self, user: Any, target: NotificationTarget) -> Draft:
        """Return the draft."""
        return self.draft

    def for_inbox(
        self, user_ids: Sequence[Any], *, using: str
    ) -> Iterable[tuple[Draft, list[Any]]]:
        """Yield the draft with all users."""
        yield self.draft, list(user_ids)
