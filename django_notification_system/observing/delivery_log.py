"""The log of deliveries: an observer that writes records."""

import logging
import uuid
from collections.abc import Sequence

from ..models import Notification, NotificationTarget
from ..outcome import Outcome
from .log import log_fields
from .observers import Observer, WatchedCall
from .outcome_name import outcome_of

logger = logging.getLogger("django_notification_system")

#: The statuses after which ``retry_attempts`` includes the attempt.
COUNTED = frozenset({Notification.RETRY, Notification.DELIVERY_FAILURE, Notification.EXPIRED})
#: The outcomes for a person: nothing will be tried again, and the message has not arrived.
NEED_A_PERSON = frozenset({"expired", "failed", "inactive"})


class DeliveryLog(Observer):
    """Writes a record of each attempt, skipped notification and call that the logger's level has.

    The app adds one such observer when Django starts.
    """

    def recorded(
        self, target: NotificationTarget, token: uuid.UUID, outcomes: Sequence[Outcome]
    ) -> None:
        """Write a record of each attempt; see ``Observer.recorded()`` for the arguments."""
        for notification in (outcome.notification for outcome in outcomes):
            outcome = outcome_of(notification)
            level = logging.WARNING if outcome in NEED_A_PERSON else logging.DEBUG
            if not logger.isEnabledFor(level):
                continue
            counted = notification.status in COUNTED
            extra = log_fields(
                target,
                notification=notification,
                batch_token=token,
                outcome=outcome,
                attempt_number=notification.retry_attempts + (0 if counted else 1),
            )
            logger.log(
                level,
                "%s: notification %s: %s.",
                target.name,
                notification.pk,
                outcome,
                extra=extra,
            )

    def skipped(
        self,
        target: NotificationTarget,
        token: uuid.UUID,
        notifications: Sequence[Notification],
    ) -> None:
        """Write a record of each skipped notification; see ``Observer.skipped()``.

        An inactive record and an opted-out user are ordinary. An expired notification needs a
        person.
        """
        for notification in notifications:
            outcome = outcome_of(notification)
            level = logging.WARNING if outcome == "expired" else logging.DEBUG
            if not logger.isEnabledFor(level):
                continue
            extra = log_fields(
                target, notification=notification, batch_token=token, outcome=outcome
            )
            logger.log(
                level,
                "%s: notification %s: %s, without an attempt.",
                target.name,
                notification.pk,
                outcome,
                extra=extra,
            )

    def wants_calls(self) -> bool:
        """Return whether the logger's level has records of calls."""
        return logger.isEnabledFor(logging.DEBUG)

    def call_ended(self, call: WatchedCall) -> None:
        """Write a record of a call; see ``Observer.call_ended()``."""
        extra = log_fields(
            call.target,
            provider=call.system,
            duration=round(call.seconds, 6),
            count=len(call.notifications),
        )
        if len(call.notifications) == 1:
            extra["notification_id"] = str(call.notifications[0].pk)
        if call.error:
            extra["error"] = call.error
        said = f", {call.error}" if call.error else ""
        logger.debug("%s: a call took %.3f s%s.", call.target.name, call.seconds, said, extra=extra)


#: The one log of a process, however often Django makes the app ready.
delivery_log = DeliveryLog()
