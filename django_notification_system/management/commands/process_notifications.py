"""``manage.py process_notifications``: deliver what is due, and ask what became of the rest."""

import argparse
import logging
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...delivery.attempt import Attempt
from ...delivery.fetch_receipts import Fetched, fetch_receipts
from ...delivery.override import override_notice
from ...delivery.receipts_beside import ReceiptsBeside
from ...delivery.run import Run
from ...delivery.watch import Watch
from ...exceptions import NotificationSystemError
from ...models import NotificationTarget
from ...notification_handlers.registry import find_handler
from ...operations.stopping import stopped_by_signals
from ...operations.text_table import printable

logger = logging.getLogger("django_notification_system")

SEPARATOR = "*" * 33


class Command(BaseCommand):
    """Deliver the notifications that are due, and fetch receipts."""

    help = (
        "Deliver every notification that is due: SCHEDULED or RETRY, and not in the future."
        " Then ask providers what became of messages that they took, where they have receipts."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--target",
            action="append",
            default=[],
            metavar="NAME",
            dest="targets",
            help="Deliver only to the target of this name; may be given more than once.",
        )
        parser.add_argument(
            "--limit",
            type=_positive_integer,
            metavar="N",
            help="Attempt at most N notifications.",
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="Say what would be delivered, and touch nothing.",
        )
        parser.add_argument(
            "--receipts-only",
            action="store_true",
            help="Deliver nothing; only ask what became of messages that were sent.",
        )
        parser.add_argument(
            "--fail-on-error",
            action="store_true",
            help="Exit with status 1 when a notification that is due was not delivered, or"
            " receipts could not be fetched.",
        )
        parser.add_argument(
            "--watch",
            action="store_true",
            help="Go on until told to stop, delivering whatever comes due.",
        )
        parser.add_argument(
            "--interval",
            type=_positive_number,
            default=5.0,
            metavar="SECONDS",
            help="With --watch, look for what is due at least this often (default: 5).",
        )
        parser.add_argument(
            "--database",
            metavar="ALIAS",
            choices=tuple(connections),
            help="The database that holds the notifications; by default the router's choice.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run once, or until it is told to stop."""
        self._verbosity: int = options["verbosity"]
        self._statuses: Counter[str] = Counter()
        self._failures = 0
        self._fetched = Fetched()
        self._problems_of_receipts: dict[str, str] = {}
        try:
            with self._engine_log():
                if options["receipts_only"]:
                    self._receipts_only(options)
                elif options["watch"]:
                    self._watch(options)
                else:
                    self._run(options)
        except NotificationSystemError as error:
            raise CommandError(str(error)) from error
        except BrokenPipeError:
            # Whoever read the output went away. What was delivered is recorded.
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 # for Python's last flush
        if not options["receipts_only"] and (
            self._verbosity >= 2 or (self._statuses and self._verbosity >= 1)
        ):
            self.stderr.write(_summary(self._statuses, dry_run=options["dry_run"]))
        self._summarize_receipts()
        self._fail_on_error(options)

    def _fail_on_error(self, options: dict[str, Any]) -> None:
        if options["dry_run"] or not options["fail_on_error"]:
            return
        if self._failures:
            raise CommandError(
                ngettext(
                    "%(count)d notification was not delivered.",
                    "%(count)d notifications were not delivered.",
                    self._failures,
                )
                % {"count": self._failures}
            )
        if self._fetched.problems:
            raise CommandError(_("Receipts could not be fetched."))

    @contextmanager
    def _engine_log(self) -> Iterator[None]:
        """At verbosity 3, show what the engine does: each batch, and how long it took."""
        if self._verbosity < 3:
            yield
            return
        handler = logging.StreamHandler(self.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        level = logger.level
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)

    def _run(self, options: dict[str, Any]) -> None:
        run = Run(
            target_names=options["targets"], limit=options["limit"], using=options["database"]
        )
        self._say_if_overridden(run.targets)
        if self._verbosity >= 2:
            self._show_handlers(run)
        if options["dry_run"]:
            with closing(run.preview()) as attempts:
                for attempt in attempts:
                    self._report(attempt)
        else:
            self._deliver(run)
        for problem in run.problems.values():
            self._report_problem(problem)
        for explanation in run.paused.values():
            self.stderr.write(self.style.WARNING(explanation))

    def _deliver(self, run: Run) -> None:
        stopping = threading.Event()

        def stop() -> None:
            stopping.set()
            run.stop()

        with stopped_by_signals(stop):
            with closing(iter(run)) as attempts:
                for attempt in attempts:
                    self._report(attempt)
            if not stopping.is_set():
                self._take_receipts(self._fetch(run, stopping.is_set))

    def _receipts_only(self, options: dict[str, Any]) -> None:
        if options["limit"] or options["dry_run"] or options["watch"]:
            raise CommandError(
                _("--receipts-only goes with neither --limit, --dry-run nor --watch.")
            )
        run = Run(target_names=options["targets"], using=options["database"])
        stopping = threading.Event()
        with stopped_by_signals(stopping.set):
            self._take_receipts(self._fetch(run, stopping.is_set))

    def _fetch(self, run: Run, is_stopping: Callable[[], bool]) -> Fetched:
        # What is the matter with the others has been reported already.
        unusable = run.problems | run.paused
        usable = [target for target in run.targets if target.name not in unusable]
        return fetch_receipts(usable, using=run.using, is_stopping=is_stopping)

    def _take_receipts(self, fetched: Fetched) -> None:
        self._fetched.add(fetched)
        for name, problem in fetched.problems.items():
            if self._problems_of_receipts.get(name) != problem:
                self._report_problem(problem)
        self._problems_of_receipts = fetched.problems

    def _summarize_receipts(self) -> None:
        fetched = self._fetched
        if not self._verbosity or not (
            fetched.confirmed or fetched.failed or (fetched.awaited and self._verbosity >= 2)
        ):
            return
        summary = _("Receipts: %(confirmed)d confirmed, %(failed)d failed.")
        if self._verbosity >= 2:
            summary = _(
                "Receipts: %(confirmed)d confirmed, %(failed)d failed, %(awaited)d awaited."
            )
        self.stderr.write(summary % vars(fetched))

    def _watch(self, options: dict[str, Any]) -> None:
        if options["limit"] or options["dry_run"]:
            raise CommandError(_("--watch goes with neither --limit nor --dry-run."))
        watch = Watch(
            target_names=options["targets"],
            using=options["database"],
            interval=options["interval"],
            on_problem=self._report_problem,
        )
        self._say_if_overridden(Run(target_names=options["targets"], using=watch.using).targets)

        def fetch(is_stopping: Callable[[], bool]) -> Fetched:
            run = Run(target_names=options["targets"], using=options["database"])
            return self._fetch(run, is_stopping)

        receipts = ReceiptsBeside(fetch, self._take_receipts)
        attempts = iter(watch)
        with stopped_by_signals(watch.stop), closing(receipts), closing(attempts):
            for attempt in attempts:
                receipts.tick()
                if attempt is None:
                    self.stdout.flush()
                else:
                    self._report(attempt)

    def _report(self, attempt: Attempt) -> None:
        if self._verbosity >= 1:
            self.stdout.write(printable(_block(attempt), self.stdout.encoding))
        self._statuses[attempt.notification.get_status_display()] += 1
        self._failures += attempt.failed

    def _report_problem(self, problem: str) -> None:
        self.stderr.write(self.style.ERROR(problem))

    def _say_if_overridden(self, targets: Sequence[NotificationTarget]) -> None:
        if self._verbosity >= 1 and (notice := override_notice(targets)):
            self.stderr.write(self.style.WARNING(notice))

    def _show_handlers(self, run: Run) -> None:
        for target in run.targets:
            try:
                handler = find_handler(target)
            except NotificationSystemError as error:
                self.stderr.write(self.style.WARNING(f"{target.name}: {error}"))
                continue
            shadows = ", in place of the built-in one" if handler.shadows_built_in else ""
            self.stderr.write(f"{target.name}: {handler.source}{shadows}")


def _block(attempt: Attempt) -> str:
    notification = attempt.notification
    username = notification.target_user_record.user.get_username()
    due = attempt.scheduled_delivery.replace(microsecond=0)
    return (
        f"{username} - {due} - {attempt.status_before}\n"
        f"{notification.title} - {notification.body}\n"
        f"{attempt.response}\n"
        f"{SEPARATOR}"
    )


def _summary(statuses: Counter[str], *, dry_run: bool) -> str:
    if not statuses:
        return _("Nothing is due.")
    counts = ", ".join(f"{count} {status}" for status, count in statuses.most_common())
    return _("Would attempt: %s") % counts if dry_run else counts


def _positive_number(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def _positive_integer(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number
