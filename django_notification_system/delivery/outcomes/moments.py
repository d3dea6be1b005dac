"""Times from outside: a provider, a webhook or a handler may name any."""

from datetime import datetime
from typing import Any

from ...models.moments import as_project_time


def moment_within(moment: Any, earliest: datetime, latest: datetime) -> datetime | None:
    """Return a time from outside in the project's own form, if the time can be true.

    Databases store the years 1 and 9999, but their drivers cannot read every such time back.

    Args:
        moment: The time that a provider, a webhook or a handler named.
        earliest: No earlier time counts.
        latest: No later time counts.

    Returns:
        The time, or ``None`` where no time was named or the time does not count.
    """
    if not isinstance(moment, datetime):
        return None
    try:
        own = as_project_time(moment)
    except (OverflowError, ValueError):
        return None  # out of the calendar in the project's time zone
    return own if earliest <= own <= latest else None
