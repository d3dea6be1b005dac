"""The time in a provider's ``Retry-After`` header."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from django.utils import timezone

#: No provider means to be left alone for longer.
LONGEST_RETRY_AFTER = timedelta(days=1)
#: RFC 9110, section 10.2.3: ``delay-seconds``.
SECONDS = re.compile(r"\s*[0-9]{1,100}\s*")


def not_before(retry_after: str | None) -> datetime | None:
    """Return the moment of a ``Retry-After`` header in seconds or as a date, or ``None``.

    Source: RFC 9110, section 10.2.3.

    Args:
        retry_after: The header's value; ``None`` without the header.

    Returns:
        The moment, at most a day from now and never before now; ``None`` for any other text.
    """
    if not retry_after:
        return None
    now = timezone.now()
    if SECONDS.fullmatch(retry_after):
        seconds = float(retry_after)
        return now + timedelta(seconds=min(seconds, LONGEST_RETRY_AFTER.total_seconds()))
    try:
        moment = parsedate_to_datetime(retry_after)
        # "-0000" says no zone; the RFC's dates are in UTC.
        wait = moment.replace(tzinfo=moment.tzinfo or UTC) - now
    except (ValueError, OverflowError, TypeError, IndexError):
        return None  # not a date, or not in the calendar
    return now + min(max(wait, timedelta(0)), LONGEST_RETRY_AFTER)
