"""A page of a reader's items, by the parameters of an address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .models import InboxItem
from .models.item_queryset import InboxItemQuerySet
from .shown import Shown, shown

PAGE_SIZE = 20
#: The views of an inbox, by the value of ``?show=``.
VIEWS = {
    "": lambda items: items,
    "unread": InboxItemQuerySet.unread,
    "archived": InboxItemQuerySet.archived,
}


class BadParameter(ValueError):
    """A parameter with a value that no page has given out."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A page of items.

    Attributes:
        items: The items, newest first.
        show: The view: ``""`` for unread and read ones, ``"unread"`` or ``"archived"``.
        before: The cursor of the page; empty for the first.
        next: The cursor of the page behind; ``None`` on the last.
    """

    items: Sequence[Shown]
    show: str = ""
    before: str = ""
    next: str | None = None

    @property
    def newest_unread(self) -> Any:
        """The key of the newest unread item; empty for none.

        A script compares the key with the one that ``inbox/unread/`` names.
        """
        return next((each.item.pk for each in self.items if each.is_unread), "")


def listing(user: Any, parameters: Mapping[str, str]) -> Listing:
    """Return the page that an address names; a query for each state in it.

    Args:
        user: The reader.
        parameters: ``show`` and ``before``; both may be missing.

    Raises:
        BadParameter: When a parameter has a wrong value.
    """
    show, before = parameters.get("show", ""), parameters.get("before", "")
    if show not in VIEWS:
        raise BadParameter(f"show is one of {', '.join(filter(None, VIEWS))}, or missing.")
    rows: InboxItemQuerySet = VIEWS[show](InboxItem.objects.of(user))
    try:
        items = rows.newest(PAGE_SIZE + 1, before=before or None)
    except ValueError as error:
        raise BadParameter(str(error)) from error
    page = items[:PAGE_SIZE]
    following = page[-1].cursor if len(items) > PAGE_SIZE else None
    return Listing(items=shown(page, user), show=show, before=before, next=following)


def newest(user: Any, count: int) -> Listing:
    """Return the newest items that are not archived.

    Args:
        user: The reader.
        count: The most items.
    """
    return Listing(items=shown(InboxItem.objects.of(user).newest(count), user))
