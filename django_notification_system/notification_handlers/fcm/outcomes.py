"""Outcomes of push messages that FCM did not take, by the table of FCM's faults."""

from collections.abc import Mapping

from ...models import Notification
from ..base import Outcome
from ..faults import Verdict, outcome_of_fault
from .faults import CORRECT_CREDENTIALS, Fault

#: Where FCM refuses for its quota and names no time, in seconds. Source:
#: https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode (QUOTA_EXCEEDED)
WAIT_FOR_QUOTA = "60"
FOR_QUOTA = (Verdict.BUSY, Verdict.RECORD_BUSY)


def outcome(
    notification: Notification,
    fault: Fault,
    response: str,
    headers: Mapping[str, str] | None = None,
) -> Outcome:
    """Return the outcome of a message that FCM did not take.

    Args:
        notification: The attempted notification.
        fault: The fault.
        response: The fault for people.
        headers: The answer's headers; ``Retry-After`` may name a time.

    Raises:
        TargetUnavailable: When Google refuses the project, and not the message.
    """
    return outcome_of_fault(
        notification,
        fault,
        response,
        headers,
        advice=CORRECT_CREDENTIALS,
        retry_after=WAIT_FOR_QUOTA if fault.verdict in FOR_QUOTA else None,
    )
