"""Long texts stay in the database until a text is needed.

A claim takes hundreds of rows, and reads every column. In the place of a long text, such a query
gets a mark with the text's length. Short texts, and other queries, are as always.
"""

from collections.abc import Mapping
from typing import Any

from django.db import models

#: A text up to this size, in bytes, is short.
SHORT_BYTES = 16_384
#: A value that PostgreSQL stores in fewer bytes is not long, compressed or not.
TOO_SHORT_FOR_LONG = 512
#: The beginning of a mark; the text's size follows. A text that happens to begin like a mark is
#: also read later.
MARK = "django_notification_system: long text of bytes: "


class LongTextField(models.TextField):  # type: ignore[type-arg] # not generic at run time
    """A text field; a claim leaves long texts in the database."""

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        """Return the SQL that reads the column."""
        marks = {
            "postgresql": "'{mark}' || {size}",
            "sqlite": "'{mark}' || {size}",
            "mysql": "CONCAT('{mark}', {size})",
        }
        return _read_where_short(compiler, sql, params, _bytes_of(compiler, sql), marks)

    def deconstruct(self) -> Any:
        """Return Django's own field: there is no difference in the database."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs


class LongJSONField(models.JSONField):
    """A JSON field; a claim leaves long values in the database."""

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        """Return the SQL that reads the column."""
        size = _bytes_of(compiler, sql)
        if compiler.connection.vendor == "postgresql":
            # A stored value may be compressed, to a hundredth at the most. Only the value itself
            # tells its length, and reading the value of every row would take longer than everything
            # else. Source: https://www.postgresql.org/docs/current/functions-admin.html
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
    """Return the length of the text behind a mark, in bytes; 0 for a value that is no mark.

    Args:
        value: A column's value.
    """
    if not isinstance(value, str) or not value.startswith(MARK):
        return 0
    size = value.removeprefix(MARK)
    return int(size) if size.isascii() and size.isdecimal() and len(size) < 12 else 1


def _bytes_of(compiler: Any, sql: str) -> str:
    """Return the SQL of a text's size in bytes."""
    return {
        # PostgreSQL knows the size of a text stored out of line.
        "postgresql": f"OCTET_LENGTH({sql})",
        # SQLite counts the characters of a text, and OCTET_LENGTH() is new in SQLite 3.43.
        "sqlite": f"LENGTH(CAST({sql} AS BLOB))",
        "mysql": f"LENGTH({sql})",
    }[compiler.connection.vendor]


def _read_where_short(
    compiler: Any, sql: str, params: Any, size: str, marks: Mapping[str, str]
) -> tuple[str, Any]:
    """Return SQL for a column, or for the mark if the text is long and the query leaves texts.

    Args:
        compiler: The query's.
        sql: The SQL of the column, without parameters.
        params: The parameters of the SQL.
        size: The SQL of the column's size.
        marks: The SQL of the mark, by the database's vendor.
    """
    if not getattr(compiler.query, "leaves_long_texts", False):
        return sql, params
    mark = marks[compiler.connection.vendor].format(mark=MARK, size=size)
    return f"CASE WHEN ({size}) > {SHORT_BYTES} THEN {mark} ELSE {sql} END", params
