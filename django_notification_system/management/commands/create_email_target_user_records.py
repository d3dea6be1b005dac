"""``manage.py create_email_target_user_records``: an email record for every user's address."""

import argparse
from collections import Counter
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ...email_records import EmailRecords, User, UserResult, UsersDone
from ...exceptions import NotificationSystemError
from ...operations.console.arguments import add_batch_size, add_database
from ...operations.console.command import NotificationSystemCommand
from ...operations.console.progress import progress_bar


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
        add_batch_size(
            parser,
            _("Read and write N users at a time (default: 2000, at most %(most)d)."),
            default=2000,
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
        shown = verbosity >= 1 and self.stderr.isatty()
        with progress_bar(records.users.count, _("users"), shown=shown) as progress:
            for batch in records.update(
                batch_size=options["batch_size"], dry_run=options["dry_run"]
            ):
                if verbosity >= 1 and (batch.invalid or batch.failed):
                    progress.make_room()
                    self._report(batch)
                progress.advance(batch.results.total())
                results.update(batch.results)
        if verbosity >= 1:
            self.stdout.write(_closing_line(results, with_inactive=verbosity >= 2))
        if results[UserResult.FAILED]:
            raise CommandError(
                _("The records of %(count)d users were not stored. Run the command again.")
                % {"count": results[UserResult.FAILED]}
            )

    def _report(self, batch: UsersDone) -> None:
        """Tell of the users of a batch whose records were not made."""
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
