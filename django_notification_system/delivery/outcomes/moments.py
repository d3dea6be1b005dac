"""Times from outside: a provider, a webhook or a handler may name any."""

from datetime import datetime
from typing import Any

from ...models.notification import as_project_time


def moment_within(moment: Any, earliest: datetime, latest: datetime) -> datetime | None:
    """Return a time from outside, as the project's own times are, where it can be true.

    Databases store the years 1 and 9999, and their drivers cannot read every such time back.

    Args:
        moment: What was named.
        earliest: From when on it counts.
        latest: Until when it counts.

    Returns:
        The time, or ``None`` where nothing was named that counts.
    """
    if not isinstance(moment, datetime):
        return None
    try:
        own = as_project_time(moment)
    except (OverflowError, ValueError):
        return None  # out of the calendar in the project's time zone
    return own if earliest <= own <= latest else None
