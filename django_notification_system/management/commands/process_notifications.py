"""``manage.py process_notifications``: deliver the due notifications, and fetch receipts."""

import argparse
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from ...delivery.receipts.beside import ReceiptsBeside
from ...delivery.receipts.fetch import Fetched, fetch_receipts
from ...delivery.runs.preview import preview
from ...delivery.runs.run import Run
from ...delivery.runs.watch import Watch
from ...exceptions import NotificationSystemError
from ...operations.console.arguments import add_database, add_targets
from ...operations.console.command import NotificationSystemCommand
from ...operations.console.database_away import in_a_line_where_away
from ...operations.console.engine_log import engine_log
from ...operations.console.numbers import positive_integer, positive_number
from ...operations.console.progress import Progress, progress_bar
from ...operations.console.run_output import RunOutput
from ...operations.console.stopping import stopped_by_signals
from ...operations.console.tally import count_to_attempt

#: A shorter run needs no bar.
BAR_AFTER_SECONDS = 1.0


class Command(NotificationSystemCommand):
    """Deliver the due notifications, and fetch receipts."""

    help = gettext_noop(
        "Deliver every notification that is due: SCHEDULED or RETRY, and not in the future."
        " Then ask providers what became of messages that they took, where they have receipts."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.description = _(self.help)
        add_targets(
            parser, _("Deliver only to the target of this name; may be given more than once.")
        )
        parser.add_argument(
            "--limit",
            type=positive_integer,
            metavar="N",
            help=_("Attempt at most N notifications."),
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help=_("Say what would be delivered, and touch nothing."),
        )
        parser.add_argument(
            "--receipts-only",
            action="store_true",
            help=_("Deliver nothing; only ask what became of messages that were sent."),
        )
        parser.add_argument(
            "--fail-on-error",
            action="store_true",
            help=_(
                "Exit with status 1 when a notification that is due was not delivered, or"
                " receipts could not be fetched."
            ),
        )
        parser.add_argument(
            "--format",
            choices=("text", "json"),
            default="text",
            help=_("Text for people (the default), or a line of JSON for each notification."),
        )
        parser.add_argument(
            "--watch",
            action="store_true",
            help=_("Go on until told to stop, delivering whatever comes due."),
        )
        parser.add_argument(
            "--interval",
            type=positive_number,
            default=5.0,
            metavar="SECONDS",
            help=_("With --watch, look for what is due at least this often (default: 5)."),
        )
        add_database(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run once, or until a signal stops the command.

        Raises:
            CommandError: When a target is unknown, the database is out of reach, or, with
                ``--fail-on-error``, a notification was not delivered or receipts could not be
                fetched.
        """
        self._output = RunOutput(
            self.stdout,
            self.stderr,
            self.style,
            verbosity=options["verbosity"],
            as_json=options["format"] == "json",
            dry_run=options["dry_run"],
        )
        self._fetched = Fetched()
        self._problems_of_receipts: dict[str, str] = {}
        try:
            with (
                in_a_line_where_away(options["database"]),
                engine_log(self.stderr) if options["verbosity"] >= 3 else nullcontext(),
            ):
                if options["receipts_only"]:
                    self._receipts_only(options)
                elif options["watch"]:
                    self._watch(options)
                else:
                    self._run(options)
            self._output.end_json(self._fetched)
        except NotificationSystemError as error:
            raise CommandError(str(error)) from error
        self._output.end(self._fetched, delivered=not options["receipts_only"])
        self._fail_on_error(options)

    def _fail_on_error(self, options: dict[str, Any]) -> None:
        if options["dry_run"] or not options["fail_on_error"]:
            return
        if failures := self._output.tally.failures:
            raise CommandError(
                ngettext(
                    "%(count)d notification was not delivered.",
                    "%(count)d notifications were not delivered.",
                    failures,
                )
                % {"count": failures}
            )
        if self._fetched.problems:
            raise CommandError(_("Receipts could not be fetched."))

    def _run(self, options: dict[str, Any]) -> None:
        run = Run(
            target_names=options["targets"], limit=options["limit"], using=options["database"]
        )
        self._output.begin(run)
        if options["dry_run"]:
            with closing(preview(run, limit=options["limit"])) as reports:
                for report in reports:
                    self._output.report(report)
                    if self._output.has_no_reader:
                        break  # there is nothing to do but to tell
        else:
            self._deliver(run, options["limit"])
        self._output.tally.problems, self._output.tally.paused = run.problems, run.paused
        for problem in run.problems.values():
            self._output.problem(problem)
        for explanation in run.paused.values():
            self._output.warn(explanation)
        self._output.say_what_waits(run)

    def _deliver(self, run: Run, limit: int | None) -> None:
        stopping = threading.Event()

        def stop() -> None:
            stopping.set()
            run.stop()

        with self._stopped_by_signals(stop):
            with (
                closing(iter(run)) as reports,
                progress_bar(
                    partial(count_to_attempt, run, limit),
                    _("notifications"),
                    shown=self._output.has_onlooker,
                    delay=BAR_AFTER_SECONDS,
                ) as self._output.progress,
            ):
                for report in reports:
                    self._output.report(report)
            self._output.progress = Progress()
            if not stopping.is_set():
                self._take_receipts(self._fetch(run, stopping.is_set))

    def _receipts_only(self, options: dict[str, Any]) -> None:
        if options["limit"] or options["dry_run"] or options["watch"]:
            raise CommandError(
                _("--receipts-only goes with neither --limit, --dry-run nor --watch.")
            )
        run = Run(target_names=options["targets"], using=options["database"])
        stopping = threading.Event()
        with self._stopped_by_signals(stopping.set):
            self._take_receipts(self._fetch(run, stopping.is_set))

    @contextmanager
    def _stopped_by_signals(self, stop_in_order: Callable[[], None]) -> Iterator[None]:
        owns_process = self.owns_process
        with stopped_by_signals(stop_in_order, owns_process=owns_process) as stopped_at:
            self._output.heed(stopped_at)
            yield

    def _fetch(self, run: Run, is_stopping: Callable[[], bool]) -> Fetched:
        # The problems of the other targets have been reported already.
        unusable = run.problems | run.paused
        usable = [target for target in run.targets if target.name not in unusable]
        return fetch_receipts(usable, using=run.using, is_stopping=is_stopping)

    def _take_receipts(self, fetched: Fetched) -> None:
        self._fetched.add(fetched)
        for name, problem in fetched.problems.items():
            if self._problems_of_receipts.get(name) != problem:
                self._output.problem(problem)
        self._problems_of_receipts = fetched.problems

    def _watch(self, options: dict[str, Any]) -> None:
        if options["limit"] or options["dry_run"]:
            raise CommandError(_("--watch goes with neither --limit nor --dry-run."))
        watch = Watch(
            target_names=options["targets"],
            using=options["database"],
            interval=options["interval"],
            on_problem=self._output.problem,
            on_begin=self._output.warn_of_redirect,
        )

        def fetch(is_stopping: Callable[[], bool]) -> Fetched:
            run = Run(target_names=options["targets"], using=options["database"])
            return self._fetch(run, is_stopping)

        receipts = ReceiptsBeside(fetch, self._take_receipts)
        reports = iter(watch)
        with self._stopped_by_signals(watch.stop), closing(receipts), closing(reports):
            for report in reports:
                receipts.tick()
                if report is None:
                    self._output.flush()
                else:
                    self._output.report(report)
        self._output.tally.problems, self._output.tally.paused = watch.problems, watch.paused
