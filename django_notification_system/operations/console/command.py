"""The commands' base class: quiet at verbosity 0, and one line about missing migrations."""

import io
from typing import Any

from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from django.db import DatabaseError, router

from ...migrations_missing import missing_migrations
from ...models import Notification
from ...printable import printable
from .quiet_log import log_beside_command


class NotificationSystemCommand(BaseCommand):
    """Prints at verbosity 0 only problems that make a whole target unusable.

    Cron mails every output of a command. Nobody reads a mail a minute.
    """

    _is_quiet = False

    @property
    def owns_process(self) -> bool:
        """Whether the process was started for this command alone, by ``manage.py``."""
        # Django's own attribute; in a command from call_command() its value is False.
        return bool(getattr(self, "_called_from_command_line", False))

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command, and keep the log from repeating the command's output.

        Raises:
            CommandError: When the command found a database without the app's tables or columns.
        """
        self._is_quiet = options.get("verbosity") == 0
        try:
            with log_beside_command(is_quiet=self._is_quiet):
                result: str | None = super().execute(*args, **options)
        except (DatabaseError, CommandError) as error:
            if isinstance(error, CommandError):
                # The error may repeat the text of a row or a provider.
                error.args = (printable(str(error)),)
            cause = error.__cause__ if isinstance(error, CommandError) else error
            using = options.get("database") or router.db_for_write(Notification)
            if said := missing_migrations(cause, using=using):
                raise CommandError(said) from error
            raise
        return result

    def check(self, *args: Any, **options: Any) -> None:
        """Check the project as every command does; at verbosity 0 without saying warnings.

        Raises:
            SystemCheckError: When a check found an error.
        """
        if not self._is_quiet:
            super().check(*args, **options)
            return
        stderr, self.stderr = self.stderr, OutputWrapper(io.StringIO())
        try:
            super().check(*args, **options)
        finally:
            self.stderr = stderr
