"""Notifications by the hundred thousand: the database copies rows made by Django.

So a new column is filled as in the model.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection

from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)

#: How many rows a statement inserts.
CHUNK = 100_000
#: In a body, stands for a word that no other body has.
WORD = "{word}"
WORDS = {
    "postgresql": "md5(random()::text)",
    "mysql": "MD5(RAND())",
    "sqlite": "lower(hex(randomblob(16)))",
}
#: The numbers from the first to the last parameter.
NUMBERS = {
    "postgresql": "SELECT generate_series(%s::bigint, %s::bigint) AS n",
    "mysql": "SELECT seq AS n FROM (SELECT {first} + a.seq AS seq FROM seq_0_to_{count} a) b",
    "sqlite": "WITH RECURSIVE numbers(n) AS (SELECT %s UNION ALL SELECT n + 1 FROM numbers"
    " WHERE n < %s) SELECT n FROM numbers",
}
# A key of the moment of a row: UUIDv7, as the app makes keys.
KEYS = {
    "postgresql": "(lpad(to_hex((extract(epoch FROM {moment}) * 1000)::bigint), 12, '0') || '7'"
    " || substr(md5(random()::text), 1, 3) || 'a' || substr(md5(random()::text), 1, 15))::uuid",
    "mysql": "CONCAT(LPAD(LOWER(HEX(FLOOR(UNIX_TIMESTAMP({moment}) * 1000))), 12, '0'), '7',"
    " SUBSTR(MD5(RAND()), 1, 3), 'a', SUBSTR(MD5(RAND()), 1, 15))",
    "sqlite": "printf('%%012x', CAST((julianday({moment}) - 2440587.5) * 86400000 AS INTEGER))"
    " || '7' || substr(lower(hex(randomblob(2))), 1, 3)"
    " || 'a' || substr(lower(hex(randomblob(8))), 1, 15)",
}
#: A moment so many milliseconds later.
LATER = {
    "postgresql": "{moment} + (n * interval '{milliseconds} milliseconds')",
    "mysql": "{moment} + INTERVAL (n * {milliseconds} * 1000) MICROSECOND",
    # In Django's form, because SQLite compares moments as texts.
    "sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', {moment}, (n * {milliseconds} / 1000.0)"
    " || ' seconds')",
}


def multiply(originals: Sequence[uuid.UUID], copies: int, body: str = "") -> None:
    """Copy rows in the database; the copies have their own keys and are due a little later.

    Args:
        originals: The keys of the rows.
        copies: How many copies of a row.
        body: The copies' body; ``{word}`` stands for a word that no other body has.
    """
    if copies < 1:
        return
    # All copies are due within six days of the originals.
    milliseconds = max(1, min(1000, 6 * 24 * 3600 * 1000 // copies))
    moment = LATER[connection.vendor].format(
        moment="original.scheduled_delivery", milliseconds=milliseconds
    )
    key = KEYS[connection.vendor].format(moment=moment)
    values = {"id": key, "digest": key, "scheduled_delivery": moment}
    if WORD in body:
        values["body"] = f"REPLACE(%s, '{WORD}', {WORDS[connection.vendor]})"
    columns = [field.column for field in Notification._meta.concrete_fields]
    quote = connection.ops.quote_name
    names = ", ".join(quote(column) for column in columns)
    selected = ", ".join(values.get(column, f"original.{quote(column)}") for column in columns)
    keys = Notification._meta.pk
    bodies = [body] if WORD in body else []
    parameters = [keys.get_db_prep_value(key, connection) for key in originals]
    table = quote(Notification._meta.db_table)
    chunk = max(1, CHUNK // len(originals))
    with connection.cursor() as cursor:
        for first in range(1, copies + 1, chunk):
            last = min(first + chunk - 1, copies)
            numbers, bounds = numbered(first, last)
            cursor.execute(
                f"INSERT INTO {table} ({names}) SELECT {selected}"
                f" FROM ({numbers}) numbers CROSS JOIN {table} original"
                f" WHERE original.id IN ({', '.join(['%s'] * len(parameters))}) ORDER BY n",
                [*bodies, *bounds, *parameters],
            )


def numbered(first: int, last: int) -> tuple[str, list[Any]]:
    numbers = NUMBERS[connection.vendor]
    if connection.vendor == "mysql":
        return numbers.format(first=first, count=last - first), []
    return numbers, [first, last]


def delete_all() -> None:
    """Delete all notifications, which nothing refers to, without reading them."""
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {connection.ops.quote_name(Notification._meta.db_table)}")


def analyze() -> None:
    """Let the database count its rows, as in a project that has run for a while.

    Not SQLite: projects do not do so there, and the counts would outlive the test.
    """
    if connection.vendor == "sqlite":
        return
    with connection.cursor() as cursor:
        if connection.vendor == "mysql":
            tables = [TargetUserRecord, Notification, NotificationTarget, get_user_model()]
            names = ", ".join(model._meta.db_table for model in tables)
            cursor.execute(f"ANALYZE TABLE {names}")
            cursor.fetchall()
        elif connection.vendor == "postgresql" and not connection.in_atomic_block:
            cursor.execute("VACUUM ANALYZE")
        else:
            cursor.execute("ANALYZE")
