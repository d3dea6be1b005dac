"""``manage.py erase_notification_data``: erase what this app stores about a person."""

import argparse
from typing import Any

from django.core.management.base import CommandError
from django.db import router
from django.db.models import ProtectedError, RestrictedError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ...exceptions import NotificationSystemError
from ...models import Notification
from ...operations.console.arguments import add_database
from ...operations.console.command import NotificationSystemCommand
from ...operations.console.person import add_person, person_named
from ...operations.erase_person import Erased, erase_person_data


class Command(NotificationSystemCommand):
    """Erase what this app stores about a person."""

    help = gettext_noop(
        "Erase a person's addresses, notifications and preferences. The consent log keeps its"
        " entries without the person, and suppressions their hashes without the address. The user"
        " stays."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.description = _(self.help)
        add_person(parser)
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help=_("Count what would be erased, and change nothing."),
        )
        add_database(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Erase, or count.

        Raises:
            CommandError: When there is no such user, another model protects a row, or a target's
                module cannot be imported.
        """
        using = options["database"] or router.db_for_write(Notification)
        user = person_named(options["user"], options["by"], using=using)
        try:
            erased = erase_person_data(user, dry_run=options["dry_run"], using=using)
        except NotificationSystemError as error:
            raise CommandError(str(error)) from error
        except (ProtectedError, RestrictedError) as error:
            raise CommandError(
                _(
                    "Not all was erased, as other rows refer to it: %s Delete those first, and run"
                    " the command again."
                )
                % error.args[0]
            ) from error
        if options["verbosity"] >= 1:
            self.stdout.write(_line(erased, dry_run=options["dry_run"]))
            if erased.items:
                self.stdout.write(_line_of_items(erased.items, dry_run=options["dry_run"]))


def _line(erased: Erased, *, dry_run: bool) -> str:
    line = (
        _(
            "Would delete notifications: %(notifications)d, records: %(records)d, preferences:"
            " %(preferences)d. Would empty log entries: %(log_entries)d, suppressions:"
            " %(suppressions)d."
        )
        if dry_run
        else _(
            "Deleted notifications: %(notifications)d, records: %(records)d, preferences:"
            " %(preferences)d. Emptied log entries: %(log_entries)d, suppressions:"
            " %(suppressions)d."
        )
    )
    return line % vars(erased)


def _line_of_items(number: int, *, dry_run: bool) -> str:
    line = (
        _("Would delete items of the inbox: %(count)d.")
        if dry_run
        else _("Deleted items of the inbox: %(count)d.")
    )
    return line % {"count": number}
