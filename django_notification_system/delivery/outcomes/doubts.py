"""Refusals that a former run has blamed on the settings: a few more of the same prove nothing.

A run that stops because its first addresses are all refused alike leaves messages that wait for
another try, with the advice at the end of their responses. As long as such messages wait, a run
with fewer addresses than a judgement needs does not believe the same refusal either.
"""

from ...database import patiently
from ...models import Notification, NotificationTarget

#: How many waiting messages are read, the soonest first: so few that databases use the due index.
ROWS = 100


def has_stopped_with(advice: str, target: NotificationTarget, *, using: str) -> bool:
    """Tell whether messages of a target wait for another try since a run has blamed the settings.

    Args:
        advice: The next step for people, as in ``Outcome.if_all_alike``.
        target: The target.
        using: The alias of the database.
    """
    rows = Notification.objects.using(using).filter(target=target, status=Notification.RETRY)
    responses = rows.order_by("scheduled_delivery").values_list("response", flat=True)[:ROWS]
    found = patiently(lambda: list(responses), using=using)
    return any(response.endswith(advice) for response in found)
