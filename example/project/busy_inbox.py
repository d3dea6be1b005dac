"""What is in an inbox on a busy day, so that there is something to see at ``/inbox/``."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from django_notification_system.contrib.inbox.models import InboxEvent, InboxItem

UNREAD, READ = InboxItem.State.UNREAD, InboxItem.State.READ
#: How many minutes ago, the state, the level, the title, the body and the link.
ITEMS: tuple[tuple[int, int, str, str, str, str], ...] = (
    (0, UNREAD, "success", "Your order 2041 has shipped", "It will be with you by noon.", "/"),
    (12, UNREAD, "info", "Ann Lee has answered you", "“Yes, two portions, please.”", "/"),
    (47, UNREAD, "warning", "Your card expires this month", "", "/"),
    (95, READ, "info", "Your table is booked", "Friday at 9:30, for four.", "/"),
    (310, READ, "error", "Your payment was refused", "The bank asks you to call.", ""),
    (1500, READ, "info", "Your invoice for October", "", "/"),
    (4400, READ, "info", "Welcome to the Breakfast Club", "We open at seven.", ""),
)


def fill_inbox(user: Any) -> None:
    """Put a day's items into somebody's inbox.

    Args:
        user: The reader.
    """
    for minutes, state, level, title, body, url in ITEMS:
        moment = timezone.now() - timedelta(minutes=minutes)
        InboxItem.objects.create(
            user=user,
            event=InboxEvent.objects.create(
                level=level, title=title, body=body, url=url, created=moment
            ),
            state=state,
            visible_from=moment,
            read_at=None if state == UNREAD else moment,
        )
