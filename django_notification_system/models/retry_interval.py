"""The interval from a failed attempt to the next."""

import random
from typing import TYPE_CHECKING

from ..conf import RetryPolicy, retry_policy
from ..setting_rules import LONGEST_INTERVAL

if TYPE_CHECKING:
    from .notification import Notification


def next_interval(notification: "Notification") -> float:
    """Return the minutes from an attempt that fails now to the next.

    Args:
        notification: The notification; its ``retry_attempts`` do not yet count the present attempt.
    """
    if notification.follows_retry_policy:
        return interval_of_policy(retry_policy(), notification.retry_attempts)
    return notification.retry_time_interval


def interval_of_policy(policy: RetryPolicy, failed_before: int) -> float:
    """Return the minutes from a failed attempt to the next, by a policy.

    Args:
        policy: The policy.
        failed_before: Number of failed attempts before the present attempt.
    """
    ceiling = LONGEST_INTERVAL if policy.ceiling is None else policy.ceiling
    try:
        grown = policy.first_interval * float(policy.factor) ** failed_before
    except OverflowError:
        grown = ceiling
    # Chance spreads the retries of a common failure; nothing secret depends on the number.
    share = 1 + random.uniform(-policy.jitter, policy.jitter)  # noqa: S311
    return min(grown, ceiling) * share
