"""Values common to all parts of a run."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import connections

from ...conf import EngineSettings
from .report import Report


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """Values common to a run, its targets, lanes and batches. They stay the same during the run.

    Attributes:
        using: The alias of the database that holds the notifications.
        settings: The engine's settings at the start of the run.
        report: Takes a report for the code that iterates over the run; for the run's thread.
        is_stopping: Returns whether the run shall end early; for any thread.
    """

    using: str
    settings: EngineSettings
    report: Callable[[Report], None]
    is_stopping: Callable[[], bool]

    @property
    def single_writer(self) -> str | None:
        """The alias of a database where only one connection writes at a time, else ``None``."""
        return self.using if connections[self.using].vendor == "sqlite" else None
