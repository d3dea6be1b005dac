"""``manage.py export_notification_data``: hand a person what this app stores about the person."""

import argparse
import os
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import router
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ...models import Notification
from ...operations.console.arguments import add_database
from ...operations.console.command import NotificationSystemCommand
from ...operations.console.person import add_person, person_named
from ...operations.export_person import write_person_data


class Command(NotificationSystemCommand):
    """Write what this app stores about a person, as JSON."""

    help = gettext_noop(
        "Write a person's addresses, notifications, preferences, log of consent and suppressions as"
        " JSON. Other people's addresses are left out."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.description = _(self.help)
        add_person(parser)
        parser.add_argument(
            "--output",
            metavar="FILE",
            type=Path,
            help=_(
                "Write to this file, by default to standard output. Only you may read a new file."
            ),
        )
        add_database(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the data.

        Raises:
            CommandError: When there is no such user, or the file cannot be written.
        """
        using = options["database"] or router.db_for_read(Notification)
        user = person_named(options["user"], options["by"], using=using)
        path = options["output"]
        if path is None:
            write_person_data(user, partial(self.stdout.write, ending=""), using=using)
            return
        try:
            with open(path, "w", encoding="utf-8", opener=_for_owner) as file:
                written = write_person_data(user, file.write, using=using)
        except OSError as error:
            raise CommandError(_("The file cannot be written: %s") % error) from error
        if options["verbosity"] >= 1:
            told = ", ".join(f"{kind} {number}" for kind, number in written.items())
            self.stderr.write(f"{path}: {told}", style_func=str)


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
