"""The command ``send_test_notification``, called for an address."""

import io

from django.core.management import CommandError, call_command

ADDRESS = "oncall@example.com"


class Output:
    """What one call of the command wrote."""

    def __init__(self, target: str, *arguments: str, to: str = ADDRESS) -> None:
        self.stdout, self.stderr = io.StringIO(), io.StringIO()
        self.error = ""
        self.status = 0
        try:
            call_command(
                "send_test_notification",
                *("--target", target, "--to", to, *arguments),
                stdout=self.stdout,
                stderr=self.stderr,
            )
        except CommandError as error:
            self.error, self.status = str(error), error.returncode

    @property
    def text(self) -> str:
        return self.stdout.getvalue()

    @property
    def notes(self) -> str:
        return self.stderr.getvalue()
