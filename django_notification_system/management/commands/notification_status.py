"""``manage.py notification_status``: the waiting, the moving and the failed notifications."""

import argparse
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError, InterfaceError, router
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ...delivery.claims.targets import targets_named
from ...exceptions import NotificationSystemError
from ...models import Notification
from ...operations.console.arguments import add_database, add_targets
from ...operations.console.command import NotificationSystemCommand
from ...operations.console.duration import duration
from ...operations.console.status_report import health_json, health_text, status_json, status_text
from ...operations.queue.status import overdue, queue_status
from ...printable import printable, printable_json


class Command(NotificationSystemCommand):
    """Show the state of the queue, or report a stuck queue by the exit status."""

    help = gettext_noop(
        "Show what waits for each target, what was delivered and what failed in the last hour and"
        " why, and what workers hold. With --max-age, a health check."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.description = _(self.help)
        add_targets(parser, _("Only the target of this name; may be given more than once."))
        parser.add_argument(
            "--format",
            choices=("text", "json"),
            default="text",
            help=_("Text for people (the default), or JSON for programs."),
        )
        parser.add_argument(
            "--max-age",
            type=duration,
            metavar="SPAN",
            help=_(
                "Only check that nothing has been due for longer than this, such as 15m or 2h;"
                " exit with status 1 when something has. Paused targets are left out."
            ),
        )
        add_database(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Read the queue, and print its state.

        Raises:
            CommandError: When a target is unknown, the database cannot be read, or, with
                ``--max-age``, a notification has been due for too long.
        """
        using = options["database"] or router.db_for_read(Notification)
        try:
            self._show(options, using)
        except NotificationSystemError as error:
            raise CommandError(str(error)) from error
        except (DatabaseError, InterfaceError) as error:
            said = " ".join(str(error).split())
            raise CommandError(
                _("The database %(alias)r cannot be read: %(error)s")
                % {"alias": using, "error": said}
            ) from error

    def _show(self, options: dict[str, Any], using: str) -> None:
        targets = targets_named(options["targets"], using=using)
        max_age = options["max_age"]
        found = [] if max_age is None else overdue(targets, max_age, using=using)
        if options["format"] == "json":
            report = status_json(queue_status(targets, using=using))
            if max_age is not None:
                report["health"] = health_json(found, max_age)
            self.stdout.write(printable_json(report, indent=2))
        elif max_age is None:
            self._print(status_text(queue_status(targets, using=using)))
        elif not found and options["verbosity"] >= 1:
            self._print(health_text(found, max_age))
        if found:
            raise CommandError(health_text(found, max_age))

    def _print(self, text: str) -> None:
        self.stdout.write(printable(text, self.stdout.encoding))
