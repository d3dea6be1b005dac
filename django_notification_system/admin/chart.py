"""What became of what was attempted in a span of time, drawn as bars."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count
from django.db.models.functions import TruncHour
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from ..models import Notification, NotificationTarget
from ..models.notification_queryset import NotificationQuerySet
from ..operations.queue.counts import counted_since
from .moments import day, local

#: The kinds of statuses in a bar, from the bottom up.
KINDS: Mapping[str, Any] = {
    "good": _("delivered"),
    "waits": _("to be tried again"),
    "bad": _("failed"),
    "off": _("cancelled or opted out"),
}
KIND_OF_STATUS = {
    Notification.DELIVERED: "good",
    Notification.SCHEDULED: "waits",
    Notification.RETRY: "waits",
    Notification.DELIVERY_FAILURE: "bad",
    Notification.EXPIRED: "bad",
    Notification.INACTIVE_DEVICE: "bad",
}
#: The number of attempts read for all charts, the latest first.
ATTEMPTS_CHARTED = 1_000_000
#: The number of charts: the targets with the most attempts.
MOST_CHARTS = 30
#: The drawing's size, in the drawing's own units.
WIDTH, HEIGHT = 720, 120
GAP = 3
HOUR = timedelta(hours=1)
#: Hours between two labels under the bars of a day.
HOURS_LABELLED = 3
#: The ends of a chart's scale, times a power of ten: most numbers have a whole half.
ROUND_NUMBERS = (1, 2, 4, 6, 8, 10)


@dataclass(frozen=True)
class Span:
    """The time span of a chart.

    Attributes:
        hours: The length, in hours.
        step: Hours of a bar.
    """

    hours: int
    step: int

    @property
    def bars(self) -> int:
        """The number of bars."""
        return self.hours // self.step

    def label(self, begins: datetime) -> str:
        """Return the label under a bar: a time of day or a day, under every third bar or so.

        Args:
            begins: The start of the bar's time.
        """
        moment = local(begins)
        if self.step > 1:
            return day(moment) if moment.hour < self.step else ""
        return date_format(moment, "TIME_FORMAT") if moment.hour % HOURS_LABELLED == 0 else ""


DAY = Span(hours=24, step=1)
WEEK = Span(hours=7 * 24, step=6)


@dataclass(frozen=True)
class Part:
    """One colour of a bar, in the drawing's units."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True)
class Bar:
    """A bar.

    Attributes:
        begins: The moment at which the bar's time begins.
        label: The text under the bar, if any.
        x: The left edge, in the drawing's units.
        width: The width, in the drawing's units.
        numbers: Number of notifications by kind, in the order of ``KINDS``.
        parts: The drawn parts.
    """

    begins: datetime
    label: str
    x: float
    width: float
    numbers: list[int]
    parts: list[Part]


@dataclass(frozen=True)
class Chart:
    """The bars of one target.

    Attributes:
        name: The target's.
        bars: The bars, the oldest first.
        totals: Number of notifications by kind, in the order of ``KINDS``.
        highest: Number of notifications of the highest bar.
        top: The number at the end of the scale.
    """

    name: Any
    bars: list[Bar]
    totals: list[int]
    highest: int
    top: int

    @property
    def scale(self) -> list[int]:
        """The numbers beside the chart, from the top down to 0."""
        return [self.top, *([self.top // 2] if self.top % 2 == 0 else []), 0]

    def totals_by_kind(self) -> list[tuple[int, Any]]:
        """Return the number of notifications of every kind, with the kind's name."""
        return list(zip(self.totals, KINDS.values(), strict=True))


@dataclass(frozen=True)
class Charts:
    """The charts of a page.

    Attributes:
        shown: The charts, in the order of the targets.
        counted_from: The moment of the first attempt shown, where the span has too many attempts;
            otherwise ``None``.
        left_out: Number of targets without a chart.
    """

    shown: list[Chart]
    counted_from: datetime | None
    left_out: int


def charts(
    targets: Iterable[NotificationTarget], span: Span, at: datetime, rows: NotificationQuerySet
) -> Charts:
    """Return a chart for each target, by the time of the last attempt.

    Two queries, answered by the index over that time alone.

    Args:
        targets: The targets.
        span: The time span.
        at: The end of the span.
        rows: The notifications.
    """
    end = at.replace(minute=0, second=0, microsecond=0) + HOUR
    start = end - span.hours * HOUR
    # Hours of UTC: for any other zone, MariaDB needs tables of time zones that may be missing.
    hour = TruncHour("attempted_delivery", tzinfo=UTC if settings.USE_TZ else None)
    counted_from = counted_since(start, most=ATTEMPTS_CHARTED, using=rows.db, among=rows)
    counted = (
        rows.filter(attempted_delivery__gte=counted_from or start, attempted_delivery__lte=at)
        .order_by()
        .values_list("target", "status", hour)
        .annotate(number=Count("*"))
    )
    numbers: dict[Any, Counter[tuple[int, str]]] = {target.pk: Counter() for target in targets}
    for target_id, status, moment, number in counted:
        if target_id is not None and target_id not in numbers:
            continue  # a target unknown to the visitor
        place = int((moment - start) / (span.step * HOUR))
        kind = KIND_OF_STATUS.get(status, "off")
        numbers.setdefault(target_id, Counter())[place, kind] += number
    names: dict[Any, Any] = {target.pk: target.name for target in targets}
    busiest = sorted(numbers, key=lambda target_id: numbers[target_id].total(), reverse=True)
    shown = set(busiest[:MOST_CHARTS])
    return Charts(
        shown=[
            _chart(names.get(target_id, _("not yet taken up")), counts, span, start)
            for target_id, counts in numbers.items()
            if target_id in shown
        ],
        counted_from=counted_from,
        left_out=len(busiest) - len(shown),
    )


def _chart(name: Any, counts: Counter[tuple[int, str]], span: Span, start: datetime) -> Chart:
    places = range(span.bars)
    of_place = [[counts[place, kind] for kind in KINDS] for place in places]
    highest = max(map(sum, of_place))
    top = scale_top(highest)
    width = WIDTH / span.bars
    return Chart(
        name=name,
        bars=[
            Bar(
                begins=begins,
                label=span.label(begins),
                x=round(place * width, 1),
                width=round(width - GAP, 1),
                numbers=of_place[place],
                parts=_parts(of_place[place], top),
            )
            for place, begins in enumerate(start + place * span.step * HOUR for place in places)
        ],
        totals=[sum(column) for column in zip(*of_place, strict=True)],
        highest=highest,
        top=top,
    )


def scale_top(highest: int) -> int:
    """Return the end of a chart's scale: a round number at or above the highest number.

    Args:
        highest: The highest number.
    """
    power: int = 10 ** (len(str(highest)) - 1)
    return next(each * power for each in ROUND_NUMBERS if each * power >= highest)


def _parts(numbers: list[int], scale_end: int) -> list[Part]:
    parts = []
    top = float(HEIGHT)
    for kind, number in zip(KINDS, numbers, strict=True):
        if number:
            # A single failure among a million is to be seen too.
            height = max(HEIGHT * number / scale_end, 2)
            top = max(top - height, 0)
            parts.append(Part(kind, round(top, 1), round(height, 1)))
    return parts
