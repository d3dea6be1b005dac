"""``manage.py hand_over_notifications``: give the due notifications to the task engine."""

import argparse
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from ...delivery.handover.engine import find_engine, hand_over_due
from ...exceptions import NotificationSystemError
from ...operations.console.arguments import add_database, add_targets
from ...operations.console.command import NotificationSystemCommand
from ...operations.console.database_away import in_a_line_where_away


class Command(NotificationSystemCommand):
    """Hand over the due notifications."""

    help = gettext_noop(
        "Hand the notifications that are due, batch by batch, to the task engine that"
        " NOTIFICATION_SYSTEM['ENGINE'] names; its workers deliver them."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.description = _(self.help)
        add_targets(parser)
        add_database(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Hand over, and say how many.

        Raises:
            CommandError: When the engine or a target is unknown, the engine does not accept a
                batch, or the database is out of reach.
        """
        try:
            with in_a_line_where_away(options["database"]):
                number = hand_over_due(
                    find_engine(), target_names=options["targets"], using=options["database"]
                )
        except NotificationSystemError as error:
            raise CommandError(str(error)) from error
        if options["verbosity"] >= 1:
            text = ngettext(
                "%(count)d notification was handed over.",
                "%(count)d notifications were handed over.",
                number,
            )
            self.stdout.write(text % {"count": number})
