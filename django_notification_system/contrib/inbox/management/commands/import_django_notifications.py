"""``manage.py import_django_notifications``: take over django-notifications-hq's notifications."""

import argparse
from datetime import datetime, time
from typing import Any

from django.core.management.base import CommandError
from django.db import router
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from .....models.moments import as_project_time
from .....operations.console.arguments import add_database
from .....operations.console.command import NotificationSystemCommand
from ...from_django_notifications import TABLE, has_table, import_rows, rows_to_import
from ...models import InboxItem


class Command(NotificationSystemCommand):
    """Take over the notifications of django-notifications-hq or django-notifications-community."""

    help = gettext_noop(
        "Take over the notifications of django-notifications-hq or django-notifications-community"
        " into the inbox, each once. Their table stays as it is."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.description = _(self.help)
        parser.add_argument(
            "--since",
            type=_moment,
            metavar="DATE",
            help=_("Only what is from this date or moment on, such as 2026-01-31."),
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help=_("Count what would be taken over, and change nothing."),
        )
        add_database(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Take over, or count.

        Raises:
            CommandError: When the database has no such table.
        """
        using = options["database"] or router.db_for_write(InboxItem)
        if not has_table(using):
            raise CommandError(
                _("The database %(using)r has no table %(table)s. Name another by --database.")
                % {"using": using, "table": TABLE}
            )
        if options["dry_run"]:
            number = rows_to_import(options["since"], using=using).count()
            self._say(_("Would read notifications: %d.") % number, options)
            return
        read = new = 0
        for read_now, new_now in import_rows(options["since"], using=using):
            read, new = read + read_now, new + new_now
        said = _("Read notifications: %(read)d, taken over: %(new)d.")
        self._say(said % {"read": read, "new": new}, options)

    def _say(self, line: str, options: dict[str, Any]) -> None:
        if options["verbosity"] >= 1:
            self.stdout.write(line)


def _moment(text: str) -> datetime:
    try:
        moment = parse_datetime(text)
        day = parse_date(text)
    except ValueError:
        moment = day = None
    if moment is None and day is not None:
        moment = datetime.combine(day, time())
    if moment is None:
        raise argparse.ArgumentTypeError(_("%r is no date and no moment") % text)
    return as_project_time(moment)
