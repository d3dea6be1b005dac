"""Moments in a list: short, and in the reader's time zone."""

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import pgettext


def local(moment: datetime) -> datetime:
    """Return a moment in the reader's time zone; without zones, the database's moment.

    Args:
        moment: The moment.
    """
    return timezone.localtime(moment) if timezone.is_aware(moment) else moment


def full(moment: datetime) -> str:
    """Return a moment with year and time of day.

    Args:
        moment: The moment.
    """
    return date_format(local(moment), "DATETIME_FORMAT")


def short(moment: datetime | None, now: datetime | None = None) -> SafeString:
    """Return a moment without the parts shared with now; a tooltip shows the full moment.

    Today's moments lose the day, and this year's moments lose the year.

    Args:
        moment: The moment; ``None`` is shown as a dash.
        now: By default the present.
    """
    if moment is None:
        return SafeString("-")
    own = local(moment)
    today = local(now or timezone.now())
    words = [date_format(own, "TIME_FORMAT")]
    if own.year != today.year:
        words.insert(0, date_format(own, "SHORT_DATE_FORMAT"))
    elif own.date() != today.date():
        words.insert(0, day(own))
    return format_html(
        '<time class="notification-moment" datetime="{}" title="{}">{}</time>',
        own.isoformat(timespec="seconds"),
        full(moment),
        # A line may break between the day and the time, and within neither.
        format_html_join(" ", "<span>{}</span>", ((word,) for word in words)),
    )


def plain(moment: datetime) -> str:
    """Return a moment as text, with the day and without the year.

    Args:
        moment: The moment.
    """
    own = local(moment)
    return f"{day(own)} {date_format(own, 'TIME_FORMAT')}"


def day(moment: datetime) -> str:
    """Return the day, without the year, of a moment from ``local()``.

    Args:
        moment: The moment.
    """
    # Translators: in the letters of Django's "date" filter
    return date_format(moment, pgettext("format of a day", "M j"))
