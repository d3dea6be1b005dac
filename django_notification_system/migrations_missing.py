"""Telling a database that lacks migrations from one that has a fault."""

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import ngettext

APP_LABEL = "django_notification_system"


def missing_migrations(error: BaseException | None, *, using: str) -> str:
    """Return what to do where an error comes of migrations that were not run.

    Args:
        error: What a query raised.
        using: The alias of the database that it went to.

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
