"""An index for showing the newest first, which no claim can read from the oldest."""

from typing import Any

from django.db import connections, models


class NewestFirstIndex(models.Index):
    """An index over one moment, from the newest to the oldest.

    On PostgreSQL it is ``DESC NULLS LAST``. Read backwards it would give the oldest with nulls
    first, which is not what ``ORDER BY moment`` means there, even where there are no nulls; so
    PostgreSQL does not take it for a claim. It did take a plain one: with much due and fresh
    statistics it believes that the table's beginning soon has enough, and reads all that was
    delivered. Who wants this index there orders as :func:`ordering` says.
    """

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **kwargs: Any) -> Any:
        """Return the SQL that makes it."""
        statement: Any = super().create_sql(model, schema_editor, using, **kwargs)
        if statement is not None and schema_editor.connection.vendor == "postgresql":
            (name,) = self.fields
            column = schema_editor.quote_name(model._meta.get_field(name).column)
            statement.parts["columns"] = f"{column} DESC NULLS LAST"
        return statement


def ordering(name: str, *, newest_first: bool, using: str) -> models.expressions.OrderBy:
    """Return the order by a moment that never is null, in the words of such an index.

    Args:
        name: The field's name.
        newest_first: Whether from the newest to the oldest, or the other way round.
        using: The database's alias.
    """
    moment = models.F(name)
    if connections[using].vendor != "postgresql":
        return moment.desc() if newest_first else moment.asc()
    return moment.desc(nulls_last=True) if newest_first else moment.asc(nulls_first=True)
