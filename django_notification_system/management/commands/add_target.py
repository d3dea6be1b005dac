"""``manage.py add_target``: make the row of a target, such as Web Push or a webhook."""

import argparse
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ...delivery.handlers.find import find_handler
from ...documentation import see
from ...exceptions import NotificationSystemError, TargetUnavailable
from ...models import NotificationTarget
from ...operations.add_target import add_target
from ...operations.console.arguments import add_database
from ...operations.console.command import NotificationSystemCommand
from ...printable import printable
from ...targets import known_description


class Command(NotificationSystemCommand):
    """Make the row of a target, once."""

    help = gettext_noop(
        "Make the row of a target whose handler this app or the project has. migrate makes the rows"
        " of email, Twilio and Expo; all others are made by this command, or in the admin."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.description = _(self.help)
        parser.add_argument(
            "module",
            metavar="MODULE",
            help=_("The name of the handler's module, such as webpush, fcm, apprise or webhook."),
        )
        parser.add_argument(
            "--name",
            default="",
            help=_(
                "The target's name for people, at most 15 characters; by default the name that its"
                " handler suggests. With another name, a second target of the same module is made."
            ),
        )
        add_database(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the row, and say whether it was there.

        Raises:
            CommandError: When there is no such handler, or another target has the name.
        """
        try:
            target, is_new = add_target(
                options["module"], name=options["name"].strip(), using=options["database"]
            )
        except NotificationSystemError as error:
            raise CommandError(str(error)) from error
        if options["verbosity"] >= 1:
            said = (
                _("Made target %(name)r with handler %(module)r.")
                if is_new
                else _("Target %(name)r with handler %(module)r is there already.")
            )
            self.stdout.write(
                said % {"name": target.name, "module": target.notification_module_name}
            )
            self._say_next_step(target)

    def _say_next_step(self, target: NotificationTarget) -> None:
        """Name the extra that is missing, and the page about the target."""
        try:
            find_handler(target)
        except TargetUnavailable as error:
            self.stderr.write(self.style.WARNING(printable(str(error), self.stderr.encoding)))
        described = known_description(target.notification_module_name)
        if described is not None and described.page:
            self.stderr.write(see(described.page), style_func=str)
