"""``manage.py make_vapid_keys``: a key pair by which push services know the site."""

import argparse
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ...conf import target_values
from ...documentation import see
from ...notification_handlers.webpush.settings import KEY
from ...notification_handlers.webpush.vapid import make_private_key, public_key_of
from ...operations.console.command import NotificationSystemCommand


class Command(NotificationSystemCommand):
    """Print a new key pair, and store nothing."""

    help = gettext_noop(
        "Make a key pair for Web Push, and print it. The private key goes into the settings, as"
        " vapid_private_key; it is a secret. Nothing is stored."
    )
    #: The checks say that there is no key yet.
    requires_system_checks = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare no arguments."""
        parser.description = _(self.help)

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the keys.

        Raises:
            CommandError: When the extra is not installed.
        """
        try:
            private_key = make_private_key()
            public_key = public_key_of(private_key)
        except ImportError as error:
            raise CommandError(
                f"{error}: pip install 'django-notification-system[webpush]'"
            ) from error
        self.stdout.write(f"vapid_private_key = {private_key}")
        self.stdout.write(f"public key        = {public_key}")
        if options["verbosity"] < 1:
            return
        said = [
            _("Keep the private key where you keep SECRET_KEY, and out of the repository."),
            see("howto/target_webpush"),
        ]
        if (target_values(KEY) or {}).get("vapid_private_key"):
            said.insert(
                0,
                _(
                    "The settings have a key already. With another key, all browsers must subscribe"
                    " again."
                ),
            )
        self.stderr.write("\n".join(said), style_func=str)
