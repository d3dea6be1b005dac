"""The queryset behind ``user.notifications``."""

from typing import Any, Self

from ..models import InboxItem
from ..models.item_queryset import InboxItemQuerySet
from ..models.state import ItemState


class NotificationLists(InboxItemQuerySet):
    """The items of a person, with the methods that django-notifications-hq names otherwise.

    ``unread()``, ``read()`` and ``count()`` are those of the inbox. What is deleted there is
    archived here.
    """

    @classmethod
    def of_reader(cls, user: Any) -> Self:
        """Return the items that a person may see, with their events, the newest first.

        Args:
            user: The person.
        """
        items = cls(InboxItem).of(user).select_related("event")
        return items.order_by("-visible_from", "-pk")

    def active(self) -> Self:
        """Return what is not archived."""
        return self.exclude(state=ItemState.ARCHIVED)

    def deleted(self) -> Self:
        """Return what is archived."""
        return self.archived()

    def mark_all_as_read(self) -> int:
        """Mark the unread items as read; return how many were."""
        return self.mark_read()

    mark_all_as_read.alters_data = True  # type: ignore[attr-defined] # Django's mark for templates

    def mark_all_as_unread(self) -> int:
        """Mark what was read as unread; return how many were. Archived items stay archived."""
        return self.active().mark_unread()

    mark_all_as_unread.alters_data = True  # type: ignore[attr-defined]

    def mark_all_as_deleted(self) -> int:
        """Archive the items; return how many were not archived."""
        return self.archive()

    mark_all_as_deleted.alters_data = True  # type: ignore[attr-defined]
