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
        is_postponed: Whether the notification waits for a later moment without a try.
    """

    notification: Notification
    target: NotificationTarget
    scheduled_delivery: datetime
    status_before: str
    response: str
    is_postponed: bool = False

    @property
    def failed(self) -> bool:
        """Whether the notification should have gone out, and did not."""
        return not self.is_postponed and self.notification.status in (
            Notification.DELIVERY_FAILURE,
            *Notification.PENDING_STATUSES,
        )
