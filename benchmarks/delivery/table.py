"""The measurements as tables, and beside the goals."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Contender:
    """A way to deliver.

    Attributes:
        label: The contender's name in the table.
        program: The file in ``contenders/``, without the suffix.
        channel: ``email``, ``twilio`` or ``expo``.
        variant: The way of doing it, in the program's own words.
        uses_database: Whether the contender is measured on every database.
    """

    label: str
    program: str
    channel: str
    variant: str = ""
    uses_database: bool = True


@dataclass(frozen=True)
class Measurement:
    """A contender's figures at one latency, or why there are none."""

    contender: Contender
    database: str
    latency: int
    result: dict[str, float] = field(default_factory=dict)
    problem: str = ""
    load: float = 0.0

    @property
    def rate(self) -> float:
        """Messages a second; 0 where nothing was measured."""
        return self.result["number"] / self.result["seconds"] if self.result else 0.0


HEADINGS = ("", "database", "messages", "messages/s", "of floor", "x 1.5.3", "CPU", "sink", "load")


def section(measurements: Sequence[Measurement], floor: str) -> str:
    """Return the table of a channel at one latency.

    Args:
        measurements: The table's measurements.
        floor: The label of the contender that all others are compared with.
    """
    base = next((each.rate for each in measurements if each.contender.label == floor), 0.0)
    rows = [HEADINGS]
    for each in measurements:
        if each.problem:
            rows.append((each.contender.label, each.database, each.problem, *[""] * 6))
            continue
        rows.append(
            (
                each.contender.label,
                each.database,
                f"{each.result['number']:,.0f}",
                shown(each.rate),
                f"{each.rate / base:.0%}" if base else "",
                times(each.rate, rate_of(measurements, "rival_release", each.database)),
                cost(each),
                f"{each.result['sink_busy']:.0%}",
                f"{each.load:.1f}",
            )
        )
    return grid(rows)


def grid(rows: Sequence[Sequence[str]]) -> str:
    """Return a simple table of reStructuredText."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rule = "  ".join("=" * max(1, width) for width in widths)
    lines = [
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    # An empty first cell would continue the row before it.
    lines[0] = "\\ " + lines[0][2:] if lines[0].startswith("  ") else lines[0]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule])


def rate_of(
    measurements: Sequence[Measurement], program: str, database: str = "", variant: str = ""
) -> float:
    """Return a program's best rate, on one database if named; 0 without a measurement."""
    rates = [
        each.rate
        for each in measurements
        if each.contender.program == program
        and (not database or not each.database or each.database == database)
        and (not variant or each.contender.variant == variant)
    ]
    return max(rates, default=0.0)


def shown(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.1f}"


def cost(measurement: Measurement) -> str:
    """Return the processor's time for a message: a busy machine changes it less than the rate."""
    result = measurement.result
    seconds = result["own_busy"] * result["seconds"] / result["number"]
    return f"{seconds * 1000:.2f} ms" if seconds else ""


def times(rate: float, base: float) -> str:
    return f"{rate / base:.1f}" if base else ""


@dataclass(frozen=True)
class Goal:
    """A goal for the default settings: a multiple of another contender's rate.

    Attributes:
        channel, latency: Where the goal holds.
        factor: At least so many times.
        programs: The fastest of these programs counts.
        variant: The programs' variant.
        ours: This project's variant.
    """

    channel: str
    latency: int
    factor: float
    programs: tuple[str, ...]
    what: str
    variant: str = ""
    ours: str = "same"


RIVALS = ("rival_post_office", "rival_mailer", "rival_celery", "rival_release")
GOALS = (
    Goal("email", 0, 10, ("rival_release",), "release 1.5.3"),
    Goal("email", 0, 3, RIVALS, "the fastest rival"),
    Goal("email", 0, 0.5, ("floor",), "smtplib, 1 connection", "1"),
    Goal("email", 50, 0.9, ("floor",), "smtplib, 4 connections", "4"),
    Goal("email", 50, 1.8, ("floor",), "smtplib, 4 connections", "4", "pipelining"),
    Goal("expo", 0, 50, ("rival_release",), "release 1.5.3"),
    Goal("twilio", 50, 14, ("rival_release",), "release 1.5.3"),
)


def goals(measurements: Sequence[Measurement], databases: Sequence[str]) -> str:
    """Return the goals beside the measurements, on every database."""
    rows = [("channel", "database", "latency", "compared with", "goal", "measured", "")]
    for goal in GOALS:
        there = [
            each
            for each in measurements
            if each.contender.channel == goal.channel and each.latency == goal.latency
        ]
        for database in databases:
            ours = rate_of(there, "ours", database, goal.ours)
            base = max(rate_of(there, name, database, goal.variant) for name in goal.programs)
            if not ours or not base:
                continue
            reached = ours / base
            rows.append(
                (
                    goal.channel,
                    database,
                    f"{goal.latency} ms",
                    goal.what + (", with PIPELINING" if goal.ours == "pipelining" else ""),
                    f"{goal.factor:g}",
                    f"{reached:.2f}",
                    "reached" if reached >= goal.factor else "NOT reached",
                )
            )
    return grid(rows)


def load() -> float:
    """Return the load average of the last minute."""
    return os.getloadavg()[0]
