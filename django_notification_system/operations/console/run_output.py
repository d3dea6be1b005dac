"""The output of ``process_notifications``, during the work and at the end."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from django.core.management.base import OutputWrapper
from django.core.management.color import Style
from django.utils.translation import gettext as _

from ...delivery.handlers.find import find_handler
from ...delivery.handlers.redirect import redirect_notice
from ...delivery.receipts.fetch import Fetched
from ...delivery.runs.report import Report
from ...delivery.runs.run import Run
from ...exceptions import NotificationSystemError
from ...models import NotificationTarget
from ...printable import printable, printable_line
from .outlet import Outlet
from .progress import Progress
from .run_json import report_json, summary_json
from .run_text import block, closing_details, closing_line, receipts_line
from .tally import Tally
from .waiting import nothing_is_due


class RunOutput:
    """Prints for people or for programs, and counts along.

    The work goes on where a stream takes nothing; once, standard error says so of standard output.

    Args:
        stdout: For the notifications.
        stderr: For everything else.
        style: How errors and warnings look.
        verbosity: How much a person wants to know, from 0 to 3.
        as_json: Whether standard output is for programs.
        dry_run: Whether nothing is done.

    Attributes:
        tally: The counts of the run.
        progress: The bar, while the terminal shows one.
    """

    def __init__(
        self,
        stdout: OutputWrapper,
        stderr: OutputWrapper,
        style: Style,
        *,
        verbosity: int,
        as_json: bool,
        dry_run: bool,
    ) -> None:
        self.tally = Tally()
        self.progress = Progress()
        self._said_that_nothing_is_due = False
        self._stdout = Outlet(stdout, self._on_lost)
        self._stderr = Outlet(stderr)
        self._prints_to_terminal = self._stdout.isatty()
        self._style = style
        self._verbosity = verbosity
        self._as_json = as_json
        self._dry_run = dry_run

    @property
    def has_no_reader(self) -> bool:
        """Whether standard output has lost its reader for good."""
        return self._stdout.is_gone

    @property
    def has_onlooker(self) -> bool:
        """Whether a person looks on, and wants to."""
        return self._verbosity >= 1 and self._stderr.isatty()

    def heed(self, stopped_at: Callable[[], float | None]) -> None:
        """Wait for no reader for long once the process was told to stop.

        Args:
            stopped_at: Returns the moment of the stop by the monotonic clock; ``None`` before a
                stop.
        """
        self._stdout.stopped_at = self._stderr.stopped_at = stopped_at

    def begin(self, run: Run) -> None:
        """Print notices before anything is sent.

        Args:
            run: The run, before its start.
        """
        self.warn_of_redirect(run.targets)
        if self._verbosity >= 2:
            self._show_handlers(run)

    def warn_of_redirect(self, targets: Sequence[NotificationTarget]) -> None:
        """Warn of the redirect, if one is set.

        Args:
            targets: The run's targets.
        """
        if self._verbosity >= 1 and (notice := redirect_notice(targets)):
            self.warn(notice)

    def report(self, report: Report) -> None:
        """Count one notification, and print the report.

        Args:
            report: The run's report.
        """
        self.tally.add(report)
        if report.is_postponed:
            self.progress.advance()
            return
        if self._prints_to_terminal:
            self.progress.make_room()
        if self._verbosity >= 1:
            if self._as_json:
                self._write_json(report_json(report))
            else:
                self._stdout.write(printable(block(report), self._stdout.encoding))
        self.progress.advance()

    def problem(self, problem: str) -> None:
        """Print a problem that makes a target unusable.

        Args:
            problem: A line for people.
        """
        self.progress.make_room()
        self._stderr.write(self._printable(problem), self._style.ERROR)

    def warn(self, text: str) -> None:
        """Print a warning for people.

        Args:
            text: A line for people.
        """
        self.progress.make_room()
        self._stderr.write(self._printable(text), self._style.WARNING)

    def flush(self) -> None:
        """Give the reader all of the output."""
        self._stdout.flush()

    def end_json(self, fetched: Fetched) -> None:
        """Print the summary for programs, if standard output is for programs.

        Args:
            fetched: The fetched receipts.
        """
        if self._as_json:
            self._write_json(summary_json(self.tally, fetched, dry_run=self._dry_run))

    def end(self, fetched: Fetched, *, delivered: bool) -> None:
        """Print the summary for people.

        Args:
            fetched: The fetched receipts.
            delivered: Whether there was a run, and not only a look for receipts.
        """
        self._stdout.flush()
        if not self._as_json and not (self._dry_run and self.has_no_reader):
            self._sum_up(fetched, delivered=delivered)
        self._stdout.end()
        self._stderr.end()

    def say_what_waits(self, run: Run) -> None:
        """Show the next due notifications to an onlooker after a run without work.

        Args:
            run: The run, after its end.
        """
        is_news = not (self.tally.has_any or run.problems or run.paused)
        if is_news and self.has_onlooker and not self._as_json:
            self._say(nothing_is_due(run.targets, using=run.using))
            self._said_that_nothing_is_due = True

    def _sum_up(self, fetched: Fetched, *, delivered: bool) -> None:
        delivered = delivered and not self._said_that_nothing_is_due
        if delivered and (self._verbosity >= 2 or (self.tally.has_any and self._verbosity >= 1)):
            self._say(closing_line(self.tally, dry_run=self._dry_run))
        wants_details = (self._verbosity >= 2 or self.has_onlooker) and not self._dry_run
        if wants_details and (details := closing_details(self.tally)):
            self._say(details)
        if line := receipts_line(fetched, self._verbosity):
            self._say(line)

    def _printable(self, text: str) -> str:
        return printable(text, self._stderr.encoding)

    def _say(self, text: str) -> None:
        # Without a style: on a terminal Django shows text on standard error in red.
        self._stderr.write(self._printable(text), str)

    def _on_lost(self, reason: str) -> None:
        self.warn(_("Standard output takes nothing (%s). The work goes on without it.") % reason)

    def _write_json(self, report: dict[str, Any]) -> None:
        self._stdout.write(json.dumps(report))

    def _show_handlers(self, run: Run) -> None:
        for target in run.targets:
            try:
                handler = find_handler(target)
            except NotificationSystemError as error:
                self.warn(f"{printable_line(target.name)}: {error}")
                continue
            said = f"{printable_line(target.name)}: {handler.source}"
            if handler.shadows_built_in:
                said = _("%s, in place of the built-in one") % said
            self._say(said)
