"""A run's report on one notification, for people and programs."""

from dataclasses import dataclass
from datetime import datetime

from ...models import Notification, NotificationTarget


@dataclass(frozen=True)
class Report:
    """A run's report on one notification.

    Attributes:
        notification: The notification as it is now.
        target: The notification's target.
        scheduled_delivery: When the notification was due.
        status_before: The status before the run.
        response: The handler's words, or why nothing was sent.
    """

    notification: Notification
    target: NotificationTarget
    scheduled_delivery: datetime
    status_before: str
    response: str

    @property
    def failed(self) -> bool:
        """Whether the notification should have gone out, and did not."""
        return self.notification.status in (
            Notification.DELIVERY_FAILURE,
            *Notification.PENDING_STATUSES,
        )
