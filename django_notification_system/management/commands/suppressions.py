"""``manage.py suppressions``: export and import the addresses that nothing is sent to."""

import argparse
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ...models import Suppression
from ...operations.console.csv_command import CsvCommand
from ...operations.csv_lines import Refuse
from ...operations.suppressions_csv import (
    HEADLESS,
    KNOWN_COLUMNS,
    SuppressionImport,
    export_suppressions,
)
from ...preferences.questions import known_category, known_target_key


class Command(CsvCommand):
    """Export or import suppressions."""

    help = gettext_noop(
        "Write the suppressed addresses to a CSV file, or suppress those of a file: this app's, or"
        " a list of Amazon SES or SendGrid."
    )
    columns = KNOWN_COLUMNS
    headless = HEADLESS

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        super().add_arguments(parser)
        parser.add_argument(
            "--target",
            default="email",
            metavar="KEY",
            help=_("The key of the target for lines without a target (default: email)."),
        )
        parser.add_argument(
            "--category",
            default="",
            metavar="KEY",
            help=_("The category for lines without a category; by default all categories."),
        )
        parser.add_argument(
            "--reason",
            default=Suppression.Reason.IMPORT.value,
            choices=Suppression.Reason.values,
            help=_("The reason for lines without a known reason (default: import)."),
        )

    def export(self, file: Any, options: dict[str, Any], *, using: str) -> int:
        """Write all suppressions."""
        return export_suppressions(file, using=using)

    def import_lines(
        self, lines: Any, refuse: Refuse, options: dict[str, Any], *, using: str
    ) -> Any:
        """Suppress the addresses."""
        category = options["category"] and known_category(options["category"]).key
        done = SuppressionImport(
            using=using,
            target=known_target_key(options["target"], using=using),
            category=category,
            reason=options["reason"],
            dry_run=options["dry_run"],
        )
        return done.run(lines, refuse)
