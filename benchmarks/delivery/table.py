"""The measurements as tables, and beside the goals."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Contender:
    """A way to deliver.

    Attributes:
        label: The contender's name in the table.
        program: The file in ``contenders/``, without the suffix.
        channel: ``email``, ``twilio`` or ``expo``.
        variant: The way of doing it, in the program's own words.
        at: The answers' delays, in milliseconds, at which the contender is measured.
        mail: The kind of mail: ``personal``, ``shared``, ``template`` or ``attachment``.
        uses_database: Whether the contender is measured on every database.
        takes: How many connections or requests at once the server takes; 0 for all.
    """

    label: str
    program: str
    channel: str
    variant: str = ""
    at: Sequence[int] = (0, 50)
    uses_database: bool = True
    mail: str = "personal"
    takes: int = 0

    @property
    def section(self) -> str:
        """The section of the tables: the channel, or ``refusing`` for servers that refuse."""
        return "refusing" if self.takes else self.channel

    def is_measured(self, section: str, latency: int) -> bool:
        return self.section == section and latency in self.at


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

    @property
    def milliseconds(self) -> float:
        """The contender's own processor time a message."""
        return self.result.get("own_each", 0.0) * 1000


def best(rounds: Sequence[Measurement]) -> Measurement:
    """Return the fastest of some rounds, with the least processor time that a round took."""
    fastest = max(rounds, key=lambda each: each.rate)
    least = min((each.result["own_each"] for each in rounds if each.result), default=0.0)
    return replace(fastest, result=fastest.result and {**fastest.result, "own_each": least})


RELEASE = ("release 1.5.3",)
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
                times(each.rate, rate_of(measurements, RELEASE, each.database)),
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


REFUSAL_FIGURES = ("number", "arrived", "later", "failed", "attempts_lost", "refused", "found")


def refusals(measurements: Sequence[Measurement]) -> str:
    """Return the table of servers that refuse connections."""
    headings = ("mails", "arrived", "later", "failed", "attempts lost", "refused", "found")
    rows = [("", "database", "takes", "mails/s", *headings)]
    for each in measurements:
        figures = [each.problem, *[""] * 7]
        if each.result:
            known = [each.result.get(name) for name in REFUSAL_FIGURES]
            numbers = ["" if number is None else f"{number:,.0f}" for number in known]
            figures = [shown(each.rate), *numbers]
        rows.append((each.contender.label, each.database, str(each.contender.takes), *figures))
    return grid(rows)


def rate_of(measurements: Sequence[Measurement], labels: Sequence[str], database: str) -> float:
    """Return the best rate of some rows on a database; 0 without a measurement."""
    return max(
        (
            each.rate
            for each in measurements
            if each.contender.label in labels and each.database in ("", database)
        ),
        default=0.0,
    )


def shown(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.1f}"


def cost(measurement: Measurement) -> str:
    """Return the processor's time for a message: a busy machine changes it less than the rate."""
    return f"{measurement.milliseconds:.2f} ms" if measurement.milliseconds else ""


def times(rate: float, base: float) -> str:
    return f"{rate / base:.1f}" if base else ""


@dataclass(frozen=True)
class Goal:
    """A goal: a multiple of the fastest rate of other rows.

    Attributes:
        channel, latency: Where the goal holds.
        factor: At least so many times.
        rivals: The labels of the other rows; the fastest counts.
        ours: This project's label.
    """

    channel: str
    latency: int
    factor: float
    rivals: tuple[str, ...]
    ours: str = "this project"


TEXT_MADE = (
    "post_office, strip_tags",
    "post_office, html2text",
    "django-mailer, strip_tags",
    "Celery, strip_tags",
)
GOALS = (
    Goal("email", 0, 4, TEXT_MADE),
    Goal("email", 0, 2, ("post_office, ready text",)),
    Goal("email", 0, 0.85, ("this project",), "this project, queued mail"),
    Goal("email", 0, 3, ("post_office, shared body",), "this project, shared body"),
    Goal("email", 50, 8, ("post_office, ready text",)),
    Goal("email", 50, 0.85, ("smtplib, 64 connections",), "this project, 64 connections"),
    Goal("twilio", 50, 0.95, ("requests, 16 connections",)),
)
#: The most processor time a personal mail may take.
GOAL_MILLISECONDS = 0.9


def goals(measurements: Sequence[Measurement], databases: Sequence[str]) -> str:
    """Return the goals beside the measurements, on every database."""
    rows = [("row", "database", "latency", "compared with", "goal", "measured", "")]
    for database in databases:
        for goal in GOALS:
            rows += rows_of_goal(goal, measurements, database)
        rows += rows_of_processor_time(measurements, database)
    return grid(rows)


def rows_of_goal(
    goal: Goal, measurements: Sequence[Measurement], database: str
) -> list[tuple[str, ...]]:
    there = [
        each
        for each in measurements
        if each.contender.channel == goal.channel and each.latency == goal.latency
    ]
    ours = rate_of(there, (goal.ours,), database)
    rival = max(goal.rivals, key=lambda label: rate_of(there, (label,), database))
    base = rate_of(there, (rival,), database)
    if not ours or not base:
        return []
    reached = ours / base
    row = (f"{goal.channel}: {goal.ours}", database, f"{goal.latency} ms", rival)
    return [(*row, f"{goal.factor:g}", f"{reached:.2f}", verdict(reached >= goal.factor))]


def rows_of_processor_time(
    measurements: Sequence[Measurement], database: str
) -> list[tuple[str, ...]]:
    return [
        (
            "email: this project",
            database,
            "0 ms",
            "processor time a mail",
            f"{GOAL_MILLISECONDS} ms",
            cost(each),
            verdict(each.milliseconds <= GOAL_MILLISECONDS),
        )
        for each in measurements
        if each.result
        and (each.contender.channel, each.contender.label) == ("email", "this project")
        and (each.latency, each.database) == (0, database)
    ]


def verdict(is_reached: bool) -> str:
    return "reached" if is_reached else "NOT reached"


def load() -> float:
    """Return the load average of the last minute."""
    return os.getloadavg()[0]
