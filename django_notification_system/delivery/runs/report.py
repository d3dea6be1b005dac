"""What a run did about one notification, for people and programs to read."""

from dataclasses import dataclass
from datetime import datetime

from ...models import Notification, NotificationTarget


@dataclass(frozen=True)
class Report:
    """What a run did about one notification.

    Attributes:
        notification: The notification as it is now.
        target: Where it was to go.
        scheduled_delivery: When it was due.
        status_before: Its status before the run came to it.
        response: What the handler said, or why nothing was sent.
    """

    notification: Notification
    target: NotificationTarget
    scheduled_delivery: datetime
    status_before: str
    response: str

    @property
    def failed(self) -> bool:
        """Whether the notification did not go out though it should have."""
        return self.notification.status in (
            Notification.DELIVERY_FAILURE,
            *Notification.PENDING_STATUSES,
        )
