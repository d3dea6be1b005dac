"""What every part of one run needs."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import connections

from ...conf import EngineSettings
from .report import Report


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """What a run, its targets, lanes and batches share. Nothing in it changes during the run.

    Attributes:
        using: The alias of the database that holds the notifications.
        settings: The engine's settings, as they were when the run was made.
        report: Takes a report for whoever iterates over the run; for the run's thread.
        is_stopping: Tells whether the run is to end early; for any thread.
    """

    using: str
    settings: EngineSettings
    report: Callable[[Report], None]
    is_stopping: Callable[[], bool]

    @property
    def single_writer(self) -> str | None:
        """The alias, where its database lets one connection write at a time."""
        return self.using if connections[self.using].vendor == "sqlite" else None
