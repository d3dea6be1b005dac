"""Distinguishing a database without the latest migrations from a faulty database."""

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import ngettext

APP_LABEL = "django_notification_system"


def missing_migrations(error: BaseException | None, *, using: str) -> str:
    """Return advice for an error from missing migrations.

    Args:
        error: The exception of a query.
        using: The alias of the query's database.

    Returns:
        A line for people; empty where the error has another cause.
    """
    if not isinstance(error, DatabaseError):
        return ""
    try:
        executor = MigrationExecutor(connections[using])
        of_app = [key for key in executor.loader.graph.leaf_nodes() if key[0] == APP_LABEL]
        missing = len(executor.migration_plan(of_app))
    except Exception:
        return ""  # no second error may hide the first
    if not missing:
        return ""
    database = "" if using == DEFAULT_DB_ALIAS else f" --database {using}"
    return ngettext(
        "The database %(alias)r lacks %(count)d migration. Run: python manage.py migrate%(given)s",
        "The database %(alias)r lacks %(count)d migrations. Run: python manage.py migrate%(given)s",
        missing,
    ) % {"alias": using, "count": missing, "given": database}
