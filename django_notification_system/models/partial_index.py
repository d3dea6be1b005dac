"""An index over some of the rows, where the database has such."""

from typing import Any

from django.db import models


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
