"""Reports on a batch's rows, for the project's code and for the code that iterates over the run."""

from collections.abc import Iterable

from ...models import Notification, NotificationTarget
from ..claims.claim import Claim
from ..outcomes.announce import announce
from .context import RunContext
from .report import Report


class BatchReports:
    """Reports rows with their status and time at the claim.

    Args:
        target: The target of the rows.
        claim: The claim, with its rows.
        context: The run's context.
    """

    def __init__(self, target: NotificationTarget, claim: Claim, context: RunContext) -> None:
        self._target = target
        self._context = context
        self._before = {
            notification.pk: (notification.scheduled_delivery, notification.status)
            for notification in claim.notifications
        }

    def announce(self, notifications: Iterable[Notification]) -> None:
        """Send the signals of recorded rows, and report the rows."""
        announce(notifications, using=self._context.using)
        for notification in notifications:
            self.report(notification, notification.response)

    def report(
        self, notification: Notification, response: str, *, is_postponed: bool = False
    ) -> None:
        """Report a row.

        Args:
            notification: The row as it is now.
            response: The handler's response, or the reason why nothing was sent.
            is_postponed: Whether the row waits for a later moment without a try.
        """
        scheduled_delivery, status = self._before[notification.pk]
        self._context.report(
            Report(
                notification,
                self._target,
                scheduled_delivery,
                status,
                response,
                is_postponed=is_postponed,
            )
        )
