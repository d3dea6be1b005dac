"""``manage.py export_notification_data``: hand a person what this app stores about the person."""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import router
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ...exceptions import NotificationSystemError
from ...models import Notification
from ...operations.console.arguments import add_database
from ...operations.console.command import NotificationSystemCommand
from ...operations.console.person import add_person, person_named
from ...operations.console.private_file import open_private
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
        parser.add_argument(
            "--with-secrets",
            action="store_true",
            help=_(
                "Write the private details of records, too: the keys of browsers, the tokens of"
                " devices, the URLs and secrets of webhooks. Whoever has the file can write to the"
                " person."
            ),
        )
        add_database(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the data.

        Raises:
            CommandError: When there is no such user, a target's module cannot be imported, or the
                file cannot be written.
        """
        using = options["database"] or router.db_for_read(Notification)
        user = person_named(options["user"], options["by"], using=using)
        try:
            self._export(user, options, using=using)
        except NotificationSystemError as error:
            raise CommandError(str(error)) from error

    def _export(self, user: Any, options: dict[str, Any], *, using: str) -> None:
        path = options["output"]
        write_data = partial(
            write_person_data, user, with_secrets=options["with_secrets"], using=using
        )
        if path is None:
            write_data(partial(self.stdout.write, ending=""))
            return
        try:
            with open_private(path) as file:
                written = write_data(file.write)
        except OSError as error:
            raise CommandError(_("The file cannot be written: %s") % error) from error
        if options["verbosity"] >= 1:
            told = ", ".join(f"{kind} {number}" for kind, number in written.items())
            self.stderr.write(f"{path}: {told}", style_func=str)
