"""Outcomes of messages that a service did not take, by the table of faults."""

from ...models import Notification
from ...outcome import Outcome, with_next_step
from ..faults import Verdict, outcome_of
from .faults import Trouble, classify

TOO_MANY = "429"
#: Seconds to the next attempt after 429, where the service names none.
WAIT = "60"


def outcome(
    notification: Notification, trouble: Trouble, said: str, retry_after: str | None = None
) -> Outcome:
    """Return the outcome of a message that was not delivered.

    Args:
        notification: The notification.
        trouble: What Apprise tells.
        said: The trouble for people, without secrets.
        retry_after: The answer's header ``Retry-After``, if any.
    """
    fault = classify(trouble, notification)
    response = with_next_step(said or fault.what, fault.hint)
    if fault.verdict is Verdict.UNKNOWN:
        # Each record has a service of its own: one that is away does not pause the target.
        return Outcome.unknown(notification, response)
    return outcome_of(
        notification,
        fault.verdict,
        response,
        nobody_knows=response,
        retry_after=retry_after or (WAIT if trouble.answer == TOO_MANY else None),
        if_all_alike=fault.if_all_alike,
    )
