"""System checks of this app: errors and warnings by number, and the check of a missing client."""

import importlib.util
from collections.abc import Iterator

from django.core import checks
from django.core.checks import CheckMessage


def error(number: int, message: str, hint: str | None = None) -> CheckMessage:
    """Return an error with an id of this app.

    Args:
        number: The number in the id.
        message: The fault.
        hint: The next step.
    """
    return checks.Error(message, hint=hint, id=f"django_notification_system.E{number:03}")


def warning(number: int, message: str, hint: str | None = None) -> CheckMessage:
    """Return a warning with an id of this app.

    Args:
        number: The number in the id.
        message: The fault.
        hint: The next step.
    """
    return checks.Warning(message, hint=hint, id=f"django_notification_system.W{number:03}")


def check_client(name: str, client: str, extra: str) -> Iterator[CheckMessage]:
    """Warn where a target has settings, and the target's client is not installed.

    Args:
        name: The target's entry, for people.
        client: The name by which Python imports the client.
        extra: The extra that installs the client.
    """
    if not _is_installed(client):
        yield warning(
            2,
            f"{name} is set, but its client {client!r} is not installed.",
            hint=f"Install it: pip install 'django-notification-system[{extra}]'.",
        )


def _is_installed(client: str) -> bool:
    try:
        return importlib.util.find_spec(client) is not None
    except ModuleNotFoundError:  # a part of a package, such as google.auth, without the package
        return False
