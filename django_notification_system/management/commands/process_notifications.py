"""``manage.py process_notifications``: deliver what is due."""

import argparse
import re
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from ...delivery.attempt import Attempt
from ...delivery.run import Run
from ...exceptions import NotificationSystemError
from ...notification_handlers.registry import find_handler

SEPARATOR = "*" * 33
#: All but tab and line feed: a message must not steer the terminal that shows it.
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Command(BaseCommand):
    """Deliver the notifications that are due."""

    help = "Deliver every notification that is due: SCHEDULED or RETRY, and not in the future."

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
            "--fail-on-error",
            action="store_true",
            help="Exit with status 1 when a notification that is due was not delivered.",
        )
        parser.add_argument(
            "--database",
            metavar="ALIAS",
            help="The database that holds the notifications; by default the router's choice.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run once."""
        try:
            run = Run(
                target_names=options["targets"],
                limit=options["limit"],
                using=options["database"],
            )
        except NotificationSystemError as error:
            raise CommandError(str(error)) from error
        verbosity: int = options["verbosity"]
        if verbosity >= 2:
            self._show_handlers(run)
        statuses: Counter[str] = Counter()
        failures = 0
        with _stopped_by_signals(run):
            for attempt in run.preview() if options["dry_run"] else run:
                if verbosity >= 1:
                    self.stdout.write(_printable(_block(attempt), self.stdout.encoding))
                statuses[attempt.notification.get_status_display()] += 1
                failures += attempt.failed
        for problem in run.problems.values() if statuses else ():
            self.stderr.write(self.style.ERROR(problem))
        if verbosity >= 2 or (statuses and verbosity >= 1):
            self.stderr.write(_summary(statuses, dry_run=options["dry_run"]))
        if failures and options["fail_on_error"] and not options["dry_run"]:
            raise CommandError(
                _("%(count)d notifications were not delivered.") % {"count": failures}
            )

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


def _printable(text: str, encoding: str | None) -> str:
    """Return text that any terminal takes: no control characters, nothing it cannot encode."""
    shown = CONTROL_CHARACTERS.sub(lambda match: repr(match[0])[1:-1], text)
    encoding = encoding or "utf-8"
    return shown.encode(encoding, "backslashreplace").decode(encoding)


def _summary(statuses: Counter[str], *, dry_run: bool) -> str:
    if not statuses:
        return _("Nothing is due.")
    counts = ", ".join(f"{count} {status}" for status, count in statuses.most_common())
    return _("Would attempt: %s") % counts if dry_run else counts


@contextmanager
def _stopped_by_signals(run: Run) -> Iterator[None]:
    """Let SIGTERM and Ctrl-C end the run in order; a second Ctrl-C ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set signal handlers
        return

    def stop(number: int, frame: Any) -> None:
        run.stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _positive_integer(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number
