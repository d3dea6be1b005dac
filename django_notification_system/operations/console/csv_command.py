"""A command that exports and imports CSV files."""

import argparse
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import router
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...exceptions import NotificationSystemError
from ...models import Notification
from ...printable import printable
from ..csv_lines import Refuse, lines_of, reading
from .arguments import add_database
from .command import NotificationSystemCommand
from .private_file import open_private
from .stopping import stopped_by_signals


class CsvCommand(NotificationSystemCommand, ABC):
    """Exports to, and imports from, a CSV file; a bad line is one line of complaint."""

    #: This app's names of the columns, by the names in files.
    columns: dict[str, str]
    #: This app's names in a file without a header.
    headless: tuple[str, ...] = ()

    @abstractmethod
    def export(self, file: Any, options: dict[str, Any], *, using: str) -> int:
        """Write all rows to a file, and return their number.

        Args:
            file: The open file.
            options: The command's options.
            using: The database's alias.
        """

    @abstractmethod
    def import_lines(
        self, lines: Any, refuse: Refuse, options: dict[str, Any], *, using: str
    ) -> Any:
        """Write the lines, and yield the numbers of changed and unchanged rows for a batch.

        Args:
            lines: The lines: a number in the file, and the values by the column's name.
            refuse: Takes a bad line's number and the complaint.
            options: The command's options.
            using: The database's alias.
        """

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.description = _(self.help)
        parser.add_argument(
            "action", choices=("export", "import"), help=_("Write the file, or read it.")
        )
        parser.add_argument("file", metavar="FILE", type=Path, help=_("A CSV file in UTF-8."))
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help=_("Count what an import would change, and change nothing."),
        )
        add_database(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Export or import.

        Raises:
            CommandError: When the file cannot be used, or lines were left out.
        """
        using = options["database"] or router.db_for_write(Notification)
        try:
            if options["action"] == "export":
                self._export(options, using)
            else:
                self._import(options, using)
        except NotificationSystemError as error:
            raise CommandError(str(error)) from error

    def _export(self, options: dict[str, Any], using: str) -> None:
        try:
            with open_private(options["file"], newline="") as file:
                number = self.export(file, options, using=using)
        except OSError as error:
            raise CommandError(_("The file cannot be written: %s") % error) from error
        if options["verbosity"] >= 1:
            self.stdout.write(_("Exported: %d.") % number)

    def _import(self, options: dict[str, Any], using: str) -> None:
        changed = unchanged = bad = 0
        stops: list[bool] = []

        def refuse(number: int, complaint: str) -> None:
            nonlocal bad
            bad += 1
            told = _("Line %(line)d: %(complaint)s") % {"line": number, "complaint": complaint}
            self.stderr.write(printable(told, self.stderr.encoding))

        with (
            reading(options["file"]) as file,
            stopped_by_signals(lambda: stops.append(True), owns_process=self.owns_process),
        ):
            lines = lines_of(file, self.columns, headless=self.headless)
            for new, old in self.import_lines(lines, refuse, options, using=using):
                changed, unchanged = changed + new, unchanged + old
                if stops:
                    break
        if options["verbosity"] >= 1:
            line = (
                _("Would change: %(changed)d. Would stay: %(unchanged)d.")
                if options["dry_run"]
                else _("Changed: %(changed)d. As before: %(unchanged)d.")
            )
            self.stdout.write(line % {"changed": changed, "unchanged": unchanged})
        if stops:
            raise CommandError(_("Stopped before the end of the file. Run the command again."))
        if bad:
            raise CommandError(
                ngettext("%d line was left out.", "%d lines were left out.", bad) % bad
            )
