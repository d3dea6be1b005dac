"""An index over some of the rows, where the database has such."""

from typing import Any

from django.db import connections, models


class PartialIndex(models.Index):
    """An index over the rows that meet a condition; over all rows where there are no such indexes.

    Django's own ``condition`` makes every project on MariaDB and MySQL read a warning of a system
    check, as they cannot keep to it.

    Args:
        fields: The names of the fields.
        name: The index's name.
        where: The condition.
    """

    def __init__(self, *, where: models.Q, **kwargs: Any) -> None:
        self.where = where
        super().__init__(**kwargs)

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **kwargs: Any) -> Any:
        """Return the SQL that makes it."""
        index = models.Index(
            fields=self.fields,
            name=self.name,
            condition=(
                self.where if schema_editor.connection.features.supports_partial_indexes else None
            ),
        )
        return index.create_sql(model, schema_editor, using, **kwargs)

    def deconstruct(self) -> Any:
        """Return how to make it again, for migrations."""
        path, expressions, kwargs = super().deconstruct()
        return path, expressions, {**kwargs, "where": self.where}


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


#: What the index is over, by the database, so that it serves Django's ``istartswith``.
COLUMNS = {
    "postgresql": "UPPER({column}::text) text_pattern_ops",
    "sqlite": "{column} COLLATE NOCASE",
}


class PrefixIndex(models.Index):
    """An index over one text field, which serves ``istartswith`` on every database.

    On PostgreSQL, Django's own would need ``django.contrib.postgres`` among the project's apps.
    MariaDB's and MySQL's collations leave out of account what is a capital, so a plain index
    serves there.
    """

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **kwargs: Any) -> Any:
        """Return the SQL that makes it."""
        statement: Any = super().create_sql(model, schema_editor, using, **kwargs)
        (name,) = self.fields
        column = schema_editor.quote_name(model._meta.get_field(name).column)
        columns = COLUMNS.get(schema_editor.connection.vendor)
        if statement is not None and columns is not None:
            statement.parts["columns"] = columns.format(column=column)
        return statement
