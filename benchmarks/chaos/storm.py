"""A storm: a project, its workers, and the counts afterwards."""

import json
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.support.workers.pool import ENDED_BY_FORCE, Workers, migrated_workers

#: So many outcomes at most are unrecorded at any time; see docs/explanation/promises.
RECORD_EVERY = 50
#: A process that goes on for so long hangs, on the busiest machine.
HANGS_AFTER_SECONDS = 120
#: How many lines of a traceback are told.
TOLD_LINES = 12
LOOK = """
import django, json
django.setup()
from django_notification_system.models import Notification
rows = Notification.objects.values_list("id", "status", "claim_token", "retry_attempts", "response")
print(json.dumps([[str(a), b, c is not None, d, e] for a, b, c, d, e in rows]))
"""


@dataclass(frozen=True)
class Row:
    """A notification, as stored in the database."""

    key: str
    status: str
    is_claimed: bool
    attempts: int
    response: str


@dataclass
class Figures:
    """The figures of a scenario.

    Attributes:
        scenario: The scenario's name.
        database: The kind of database.
        due: How many notifications there were.
        blows: How often something was broken.
        lost: How many notifications neither reached the provider nor ended with a reason in the
            response.
        copies: How many messages the provider got more than once.
        copies_allowed: How many copies the promises allow for so many blows.
        seconds: How long the scenario took.
        problems: Other broken promises.
    """

    scenario: str
    database: str
    due: int = 0
    blows: int = 0
    lost: int = 0
    copies: int = 0
    copies_allowed: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not self.lost and self.copies <= self.copies_allowed and not self.problems


class Storm:
    """A queue, the processes that work on it, and ways to break them.

    Args:
        workers: On a migrated database.
        figures: Filled in by the scenario.
        seed: The seed of all random choices.
        seconds: How long the scenario may take.
    """

    def __init__(self, workers: Workers, figures: Figures, *, seed: int, seconds: float) -> None:
        self.workers = workers
        self.figures = figures
        self.chance = random.Random(seed)  # no secret depends on the choices
        self.give_up_at = time.monotonic() + seconds
        self.away = workers.spool.with_suffix(".away")
        self.deaths = workers.spool.with_suffix(".deaths")

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self.give_up_at

    def fill(self, number: int, *manners: str) -> None:
        self.figures.due = number
        self.workers.python("-m", "benchmarks.chaos.fill", str(number), *manners)

    def watch(self, *, clock: float = 0, delay: float = 0.002, **engine: Any) -> Any:
        """Start a process that goes on: ``--watch``."""
        return self._start("--watch", "--interval", "1", clock=clock, delay=delay, **engine)

    def run(self, *, delay: float = 0, **engine: Any) -> int:
        """Run the command once, as cron does; return its exit status."""
        process = self._start(delay=delay, **engine)
        try:
            process.communicate(timeout=HANGS_AFTER_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            self.problem("a run did not end")
        return int(process.wait())

    def _start(self, *arguments: str, clock: float = 0, delay: float, **engine: Any) -> Any:
        # A clock is set before the apps are loaded, so that these processes load them themselves.
        self.workers.environment.pop("STORM_CLOCK", None)
        if clock:
            self.workers.environment["STORM_CLOCK"] = str(clock)
        return self.workers.start(*arguments, delay=delay, **engine)

    def delivered(self) -> int:
        """Return how many different messages the provider has."""
        return len(self.workers.deliveries())

    def rows(self) -> list[Row]:
        return [Row(*row) for row in json.loads(self.workers.python("-c", LOOK))]

    def wait_until(self, happened: Callable[[], bool]) -> bool:
        while not happened():
            if self.is_over:
                return False
            time.sleep(0.05)
        return True

    def wait_until_settled(self) -> None:
        """Wait until nothing is pending any more, or the time is up."""
        pending = {"SCHEDULED", "RETRY"}
        self.wait_until(lambda: self.delivered() >= self.figures.due)
        self.wait_until(
            lambda: not any(status.split("+")[0] in pending for status in self.workers.statuses())
        )

    def outlive_leases(self, seconds: float) -> None:
        """Wait for so long, where a process that is dead has left rows claimed."""
        if any(status.endswith("+claimed") for status in self.workers.statuses()):
            time.sleep(seconds)

    def stop(self, *processes: Any) -> None:
        """End processes in order; note processes that end by force, shortly before ten seconds."""
        for process in processes:
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
        for process in processes:
            try:
                _, errors = process.communicate(timeout=HANGS_AFTER_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                self.problem("SIGTERM: a process did not end")
                continue
            if ENDED_BY_FORCE in (errors or ""):
                self.problem("SIGTERM: a process ended by force")
            if "Traceback" in (errors or ""):
                lines = errors[errors.rindex("Traceback") :].strip().splitlines()
                self.figures.problems.append("a " + " | ".join(map(str.strip, lines[-TOLD_LINES:])))

    def count(self) -> None:
        """Compare the provider's and the database's counts with the promises."""
        deliveries: Counter[str] = self.workers.deliveries()
        self.figures.copies = deliveries.total() - len(deliveries)
        rows = self.rows()
        ended = {row.key for row in rows if row.status == "DELIVERY FAILURE" and row.response}
        self.figures.lost = sum(row.key not in deliveries and row.key not in ended for row in rows)
        for row in rows:
            if row.key in deliveries and row.status != "DELIVERED":
                self.problem(f"one that was sent is {row.status}: {row.response}")
            elif row.is_claimed:
                self.problem("one is claimed though nobody works")

    def problem(self, text: str) -> None:
        if text not in self.figures.problems:
            self.figures.problems.append(text)


@contextmanager
def storm(figures: Figures, *, seed: int, seconds: float) -> Iterator[Storm]:
    """Make a project for a scenario; count at the end, and clear everything away."""
    begun = time.monotonic()
    with TemporaryDirectory(prefix="storm-") as name, migrated_workers(Path(name)) as workers:
        workers.environment["DJANGO_SETTINGS_MODULE"] = "benchmarks.chaos.settings"
        made = Storm(workers, figures, seed=seed, seconds=seconds)
        try:
            yield made
            made.count()
        finally:
            figures.seconds = time.monotonic() - begun
