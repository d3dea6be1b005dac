"""``manage.py webhook_secret``: make, rotate and retire the secrets that sign webhooks."""

import argparse
from typing import Any

from django.core.management.base import CommandError
from django.db import router
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from ...delivery.claims.targets import targets_named
from ...exceptions import NotificationSystemError
from ...models import NotificationTarget, TargetUserRecord
from ...operations.console.arguments import add_database
from ...operations.console.command import NotificationSystemCommand
from ...operations.console.person import person_named
from ...printable import printable


class Command(NotificationSystemCommand):
    """Print a new secret once, on standard output."""

    help = gettext_noop(
        "Make the record of a webhook's receiver with a secret, add a secret to a record, or retire"
        " all secrets but the newest. A new secret is printed once, on standard output, and never"
        " logged."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""
        parser.description = _(self.help)
        parser.add_argument(
            "action",
            choices=("make", "rotate", "retire"),
            help=_(
                "make: a record with a secret. rotate: a further secret, by which webhooks are"
                " signed from now on, beside the others. retire: only the newest secret stays."
            ),
        )
        parser.add_argument(
            "address",
            metavar="ADDRESS",
            help=_("The receiver's URL, or the record's address, which begins with sha256:."),
        )
        parser.add_argument(
            "--user",
            default="",
            help=_(
                "The name or key of the record's user: of the new record, or where several users"
                " have the address."
            ),
        )
        parser.add_argument(
            "--by",
            choices=("name", "key"),
            help=_("What the user's text is, where one user's name is another user's key."),
        )
        parser.add_argument(
            "--target",
            default="",
            metavar="NAME",
            help=_("The target of the new record, where there is more than one for webhooks."),
        )
        parser.add_argument(
            "--description", default="Webhook", help=_("A note about the receiver, for people.")
        )
        add_database(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Change the secrets.

        Raises:
            CommandError: When there is no such user, target or record, or the URL may not be used.
        """
        try:
            # Here: the command is found, and told of, without the extra.
            from ...notification_handlers.webhook.endpoint import UnusableEndpoint
            from ...notification_handlers.webhook.records import retire_secrets, rotate_secret
        except ImportError as error:
            raise CommandError(
                f"{error}: pip install 'django-notification-system[webhook]'"
            ) from error
        using = options["database"] or router.db_for_write(TargetUserRecord)
        name = options["user"]
        user = person_named(name, options["by"], using=using) if name else None
        try:
            if options["action"] == "retire":
                number = retire_secrets(options["address"], user=user, using=using)
                if options["verbosity"] >= 1:
                    self._say_retired(number)
                return
            if options["action"] == "rotate":
                secret = rotate_secret(options["address"], user=user, using=using)
            else:
                secret = self._make(user, options, using)
        except UnusableEndpoint as error:
            next_step = f" {_(error.next_step)}" if error.next_step else ""
            raise CommandError(f"{capfirst(str(error))}.{next_step}") from error
        except NotificationSystemError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(secret)
        if options["verbosity"] >= 1:
            self._say(_("Give this secret to the receiver. It is not shown again."))

    def _make(self, user: Any, options: dict[str, Any], using: str) -> str:
        # Here: as above.
        from ...notification_handlers.webhook.records import add_webhook

        if user is None:
            raise CommandError(_("Name the user of the new record with --user."))
        target: NotificationTarget | None = None
        if options["target"]:
            [target, *others] = targets_named([options["target"]], using=using)
            if others or target.notification_module_name != "webhook":
                raise CommandError(_("%r names no single target for webhooks.") % options["target"])
        record, secret = add_webhook(
            user,
            options["address"],
            target=target,
            description=options["description"],
            using=using,
        )
        if options["verbosity"] >= 1:
            self._say(_("Made a record with address %s.") % record.target_user_id)
        return secret

    def _say_retired(self, number: int) -> None:
        self._say(
            ngettext("Retired %d secret.", "Retired %d secrets.", number) % number
            if number
            else _("There is one secret only; nothing was retired.")
        )

    def _say(self, text: str) -> None:
        self.stderr.write(printable(text, self.stderr.encoding), style_func=str)
