"""``manage.py import_queued_mail``: take over the mail that waits in another package's queue."""

import argparse
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from ...exceptions import NotificationSystemError
from ...operations.console.arguments import add_database
from ...operations.console.command import NotificationSystemCommand
from ...operations.console.stopping import stopped_by_signals
from ...operations.import_queued_mail import QUEUES, OtherQueue, import_from
from ...printable import printable


class Command(NotificationSystemCommand):
    """Take over the mail that waits in django-post_office or django-mailer."""

    help = gettext_noop(
        "Take over the mail that waits in django-post_office or django-mailer, each message once."
        " Stop their own senders first."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.description = _(self.help)
        parser.add_argument(
            "--from",
            choices=[queue.app_label for queue in QUEUES],
            dest="app_label",
            help=_("Only from this app; by default from both, where they are installed."),
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help=_("Count what would be taken over, and change nothing."),
        )
        add_database(parser, _("The database that gets the mail; by default the router's choice."))

    def handle(self, *args: Any, **options: Any) -> None:
        """Take over, or count.

        Raises:
            CommandError: When no such app is installed, or messages were left where they are.
        """
        asked = [queue for queue in QUEUES if options["app_label"] in (None, queue.app_label)]
        queues = [queue for queue in asked if queue.is_installed]
        if not queues:
            raise CommandError(
                _("INSTALLED_APPS lacks %(apps)s. Keep the app there until its mail is taken over.")
                % {"apps": ", ".join(queue.app_label for queue in asked)}
            )
        left = 0
        for queue in queues:
            if options["dry_run"]:
                self._say(queue, queue.rows().count(), options)
            else:
                left += self._import(queue, options)
        if left:
            raise CommandError(
                ngettext(
                    "%(count)d message was left where it is.",
                    "%(count)d messages were left where they are.",
                    left,
                )
                % {"count": left}
            )

    def _import(self, queue: OtherQueue, options: dict[str, Any]) -> int:
        stops: list[bool] = []
        taken = left = 0
        try:
            with stopped_by_signals(lambda: stops.append(True), owns_process=self.owns_process):
                for imported in import_from(
                    queue, is_stopping=lambda: bool(stops), using=options["database"]
                ):
                    taken += imported.taken
                    left += len(imported.left)
                    for key, reason in imported.left.items():
                        line = f"{queue.name} {key}: {reason}"
                        self.stderr.write(printable(line, self.stderr.encoding))
        except NotificationSystemError as error:
            raise CommandError(str(error)) from error
        self._say(queue, taken, options)
        return left

    def _say(self, queue: OtherQueue, number: int, options: dict[str, Any]) -> None:
        if options["verbosity"] < 1:
            return
        if options["dry_run"]:
            line = ngettext(
                "%(queue)s: would take over %(count)d message.",
                "%(queue)s: would take over %(count)d messages.",
                number,
            )
        else:
            line = ngettext(
                "%(queue)s: took over %(count)d message.",
                "%(queue)s: took over %(count)d messages.",
                number,
            )
        self.stdout.write(line % {"queue": queue.name, "count": number})
