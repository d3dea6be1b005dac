"""``manage.py create_email_target_user_records``: an email record for every user's address."""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ...email_records import EmailRecords, User, UserResult, UsersDone
from ...exceptions import NotificationSystemError
from ...operations.console.arguments import add_database
from ...operations.console.command import NotificationSystemCommand

#: A statement has up to three parameters a user, and SQLite takes no more than 32,766.
MAX_BATCH_SIZE = 10_000


class Command(NotificationSystemCommand):
    """Create and update the email records that follow the users' own addresses."""

    help = gettext_noop(
        "Make one email record for each user that has an email address, and bring those made"
        " before in line where the address has changed. Records entered by hand stay as they are."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.description = _(self.help)
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help=_("Count what would be done, and write nothing."),
        )
        add_database(
            parser, _("The database that holds users and records; by default the router's choice.")
        )
        parser.add_argument(
            "--batch-size",
            type=_batch_size,
            default=2000,
            metavar="N",
            help=_("Read and write N users at a time (default: 2000, at most %(most)d).")
            % {"most": MAX_BATCH_SIZE},
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Update the records.

        Raises:
            CommandError: When the email target is missing, or records were not stored.
        """
        try:
            records = EmailRecords(using=options["database"])
        except NotificationSystemError as error:
            raise CommandError(str(error)) from error
        verbosity: int = options["verbosity"]
        if verbosity >= 2:
            self.stderr.write(_("The email target is “%s”.") % records.target.name)
        results: Counter[UserResult] = Counter()
        with self._progress(records, verbosity) as advance:
            for batch in records.update(
                batch_size=options["batch_size"], dry_run=options["dry_run"]
            ):
                advance(batch)
                results.update(batch.results)
        if verbosity >= 1:
            self.stdout.write(_closing_line(results, with_inactive=verbosity >= 2))
        if results[UserResult.FAILED]:
            raise CommandError(
                _("The records of %(count)d users were not stored. Run the command again.")
                % {"count": results[UserResult.FAILED]}
            )

    @contextmanager
    def _progress(
        self, records: EmailRecords, verbosity: int
    ) -> Iterator[Callable[[UsersDone], None]]:
        """Report the bad addresses of a batch, and move a bar on a person's terminal."""
        tqdm = _tqdm() if verbosity >= 1 and self.stderr.isatty() else None
        if tqdm is None:
            yield self._report if verbosity >= 1 else _no_report
            return
        with tqdm(total=records.users.count(), unit=f" {_('users')}", file=sys.stderr) as bar:

            def advance(batch: UsersDone) -> None:
                if batch.invalid or batch.failed:
                    bar.clear()
                    self._report(batch)
                bar.update(batch.results.total())

            yield advance

    def _report(self, batch: UsersDone) -> None:
        for user in batch.invalid:
            self.stderr.write(
                _("%s: the email address is no address; skipped. Correct it and run again.")
                % _named(user)
            )
        for user in batch.failed:
            self.stderr.write(
                _("%s: the database refuses the record. Look at the records the user has.")
                % _named(user)
            )


def _no_report(batch: UsersDone) -> None:
    """Report nothing; the command's error has the number of records that were not stored."""


def _named(user: User) -> str:
    # Quoted by Python, so that a control character in a name cannot steer the terminal.
    return _("User %(username)r (key %(key)s)") % {"username": user.username, "key": user.key}


def _closing_line(results: Counter[UserResult], *, with_inactive: bool) -> str:
    line = _(
        "%(created)d created, %(updated)d updated, %(unchanged)d unchanged,"
        " %(without_address)d without an address, %(invalid)d invalid"
    ) % {
        "created": results[UserResult.CREATED],
        "updated": results[UserResult.UPDATED],
        "unchanged": results[UserResult.UNCHANGED],
        "without_address": results[UserResult.WITHOUT_ADDRESS],
        "invalid": results[UserResult.INVALID],
    }
    if with_inactive:
        line += _(", %d inactive users") % results[UserResult.INACTIVE]
    return line


def _tqdm() -> Any:
    try:
        from tqdm import tqdm
    except ImportError:
        return None  # the extra "progress" is not installed
    return tqdm


def _batch_size(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MAX_BATCH_SIZE:
        raise argparse.ArgumentTypeError(
            _("%(text)s is not a number from 1 to %(most)d")
            % {"text": text, "most": MAX_BATCH_SIZE}
        )
    return number
