"""The management commands of the package, for tests that try each of them."""

from django.core.management import get_commands

PACKAGE = "django_notification_system"


def own_commands() -> set[str]:
    """Return the names of the package's commands, those of its optional apps included."""
    return {name for name, app in get_commands().items() if str(app).startswith(PACKAGE)}
