"""Moments with a time zone or without, as people and projects give them."""

from datetime import date, datetime, timedelta

from django.conf import settings
from django.utils import timezone


def as_project_time(moment: datetime) -> datetime:
    """Return a moment with a time zone or without, as the project's own are.

    Args:
        moment: A moment with or without a time zone.
    """
    if timezone.is_aware(moment) == settings.USE_TZ:
        return moment
    return timezone.make_aware(moment) if settings.USE_TZ else timezone.make_naive(moment)


def is_at_calendars_end(moment: datetime) -> bool:
    """Tell whether some time zone has no date for a moment of the years 1 and 9999.

    A page with such a moment, and a driver that reads the moment, may fail.

    Args:
        moment: A moment with or without a time zone.
    """
    two_days = timedelta(days=2)
    return not date.min + two_days < moment.date() < date.max - two_days
