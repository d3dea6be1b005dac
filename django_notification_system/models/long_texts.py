"""Leaving long texts in the database until somebody needs them.

A claim takes hundreds of rows, and reads all of each. Where a text is long, such a query gets a
mark in its place, which says how long the text is. Short texts, and other queries, are as always.
"""

from collections.abc import Mapping
from typing import Any

from django.db import models

#: A text up to so many bytes is short.
SHORT_BYTES = 16_384
#: So many bytes, in which PostgreSQL stores a value, hold no long one, compressed or not.
TOO_SHORT_FOR_LONG = 512
#: What stands for a long text, before its size. A text that happens to begin so is read later, too.
MARK = "django_notification_system: long text of bytes: "


class LongTextField(models.TextField):  # type: ignore[type-arg] # not generic at run time
    """A text that a claim leaves in the database where it is long."""

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        """Return the SQL that reads the column."""
        # PostgreSQL knows the size of a text that is stored apart.
        size = "OCTET_LENGTH" if compiler.connection.vendor == "postgresql" else "LENGTH"
        marks = {
            "postgresql": "'{mark}' || {size}",
            "sqlite": "'{mark}' || {size}",
            "mysql": "CONCAT('{mark}', {size})",
        }
        return _read_where_short(compiler, sql, params, f"{size}({sql})", marks)

    def deconstruct(self) -> Any:
        """Return Django's own field: there is no difference in the database."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs


class LongJSONField(models.JSONField):
    """A JSON value that a claim leaves in the database where it is long."""

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        """Return the SQL that reads the column."""
        size = f"LENGTH({sql})"
        if compiler.connection.vendor == "postgresql":
            # What is stored may be compressed, to a hundredth at the most; only the value itself
            # tells, and to read that of each row would take longer than all else.
            # Source: https://www.postgresql.org/docs/current/functions-admin.html
            size = (
                f"CASE WHEN PG_COLUMN_SIZE({sql}) < {TOO_SHORT_FOR_LONG}"
                f" THEN 0 ELSE OCTET_LENGTH({sql}::text) END"
            )
        marks = {
            "postgresql": "TO_JSONB('{mark}' || ({size}))",
            "sqlite": "'\"{mark}' || {size} || '\"'",
            "mysql": "CONCAT('\"{mark}', {size}, '\"')",
        }
        return _read_where_short(compiler, sql, params, size, marks)

    def deconstruct(self) -> Any:
        """Return Django's own field: there is no difference in the database."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs


def size_of_mark(value: Any) -> int:
    """Return how long the text is that a mark stands for; 0 where a value is no mark."""
    if not isinstance(value, str) or not value.startswith(MARK):
        return 0
    size = value.removeprefix(MARK)
    return int(size) if size.isascii() and size.isdecimal() and len(size) < 12 else 1


def _read_where_short(
    compiler: Any, sql: str, params: Any, size: str, marks: Mapping[str, str]
) -> tuple[str, Any]:
    """Return SQL for a column, or for the mark where it is long and the query leaves such texts.

    Args:
        compiler: The query's.
        sql: The SQL of the column, which has no parameters.
        params: Those of the SQL.
        size: The SQL of its size.
        marks: The SQL of the mark, by the database's vendor.
    """
    if not getattr(compiler.query, "leaves_long_texts", False):
        return sql, params
    mark = marks[compiler.connection.vendor].format(mark=MARK, size=size)
    return f"CASE WHEN ({size}) > {SHORT_BYTES} THEN {mark} ELSE {sql} END", params
