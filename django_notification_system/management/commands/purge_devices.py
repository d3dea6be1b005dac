"""``manage.py purge_devices``: remove devices that were not seen for long."""

import argparse
from typing import Any

from django.core.management.base import CommandError
from django.db import router
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ...delivery.claims.targets import targets_named
from ...exceptions import NotificationSystemError
from ...models import TargetUserRecord
from ...operations.console.arguments import add_database, add_targets
from ...operations.console.command import NotificationSystemCommand
from ...operations.console.duration import duration
from ...operations.console.stopping import stopped_by_signals
from ...operations.purge_devices import DevicePurge, Removed


class Command(NotificationSystemCommand):
    """Remove devices that were not seen for long."""

    help = gettext_noop(
        "Remove the records of devices that no app has registered again for long, in batches."
        " Records with notifications are switched off, others deleted."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.description = _(self.help)
        parser.add_argument(
            "--older-than",
            type=duration,
            required=True,
            metavar="SPAN",
            help=_("Only devices last seen longer ago than this, such as 60d."),
        )
        add_targets(parser)
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help=_("Count what would be removed, and remove nothing."),
        )
        add_database(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Remove, or count.

        Raises:
            CommandError: When a target is unknown.
        """
        using = options["database"] or router.db_for_write(TargetUserRecord)
        try:
            purge = DevicePurge(
                before=timezone.now() - options["older_than"],
                using=using,
                targets=targets_named(options["targets"], using=using),
            )
        except NotificationSystemError as error:
            raise CommandError(str(error)) from error
        if options["dry_run"]:
            line = _("Devices that would be deleted: %(deleted)d; switched off: %(off)d.")
            removed = purge.count()
        else:
            line = _("Devices deleted: %(deleted)d; switched off: %(off)d.")
            removed = self._remove(purge)
        if options["verbosity"] >= 1:
            self.stdout.write(line % {"deleted": removed.deleted, "off": removed.switched_off})

    def _remove(self, purge: DevicePurge) -> Removed:
        stops: list[bool] = []
        removed = Removed()
        with stopped_by_signals(lambda: stops.append(True), owns_process=self.owns_process):
            for batch in purge.run():
                removed += batch
                if stops:
                    break
        return removed
