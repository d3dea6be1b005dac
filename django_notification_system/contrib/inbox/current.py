"""The inbox of the reader of a page: asked only when shown, and once for each page."""

from functools import cached_property
from typing import Any

from .unread import NOTHING_UNREAD, Unread, unread_of

ATTRIBUTE = "_notification_inbox"


class CurrentInbox:
    """A reader's inbox; nothing is read before a template asks. False without a login.

    Args:
        request: The request for the page, or anything else with a ``user``.
    """

    def __init__(self, request: Any) -> None:
        self._request = request

    def __bool__(self) -> bool:
        return self.user is not None

    @cached_property
    def user(self) -> Any:
        """The reader; ``None`` for somebody who is not logged in."""
        user = getattr(self._request, "user", None)  # none without the middleware
        return user if user is not None and user.is_authenticated else None

    @cached_property
    def unread(self) -> Unread:
        """The unread items; none for somebody who is not logged in."""
        return NOTHING_UNREAD if self.user is None else unread_of(self.user)


def inbox_of(request: Any) -> CurrentInbox:
    """Return the inbox of a request's user, the same at each call.

    Args:
        request: The request.
    """
    inbox: CurrentInbox | None = getattr(request, ATTRIBUTE, None)
    if inbox is None:
        inbox = CurrentInbox(request)
        setattr(request, ATTRIBUTE, inbox)
    return inbox
