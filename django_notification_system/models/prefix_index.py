"""An index for finding a text by how it begins, in capitals or not."""

from typing import Any

from django.db import models

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
