"""All that a database holds, as one text."""

from django.db import connection


def dump() -> str:
    """Return every row of every table, contents of attachments included."""
    rows: list[str] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                values = [bytes(v) if isinstance(v, bytes | memoryview) else v for v in row]
                rows.append(f"{table} {values!r}")
    return "\n".join(rows)
