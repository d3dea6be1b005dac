"""``manage.py preferences``: export and import what people have decided."""

import argparse
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ...operations.console.csv_command import CsvCommand
from ...operations.csv_lines import Refuse
from ...operations.preferences_csv import (
    KNOWN_COLUMNS,
    PreferenceImport,
    export_preferences,
    user_field,
)


class Command(CsvCommand):
    """Export or import preferences."""

    help = gettext_noop(
        "Write what people have decided to a CSV file, or take over what a file says, with the log"
        " of consent. A later word in the database stays."
    )
    columns = KNOWN_COLUMNS

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        super().add_arguments(parser)
        parser.add_argument(
            "--user-field",
            metavar="NAME",
            help=_("The user model's field in the column user; by default its username field."),
        )

    def export(self, file: Any, options: dict[str, Any], *, using: str) -> int:
        """Write all preferences."""
        return export_preferences(file, using=using, user_field=user_field(options["user_field"]))

    def import_lines(
        self, lines: Any, refuse: Refuse, options: dict[str, Any], *, using: str
    ) -> Any:
        """Take over the lines."""
        done = PreferenceImport(
            using=using,
            user_field=user_field(options["user_field"]),
            dry_run=options["dry_run"],
        )
        return done.run(lines, refuse)
