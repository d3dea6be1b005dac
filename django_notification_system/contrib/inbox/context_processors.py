"""``{{ inbox.unread }}`` in every template, for the setting ``TEMPLATES``."""

from django.http import HttpRequest

from .current import CurrentInbox, inbox_of


def inbox(request: HttpRequest) -> dict[str, CurrentInbox]:
    """Give templates the reader's inbox; a page that shows nothing of it asks nothing.

    Args:
        request: The request for the page.
    """
    return {"inbox": inbox_of(request)}
