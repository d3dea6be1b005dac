"""Fills the table with notifications delivered in the past days, by the million, in SQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from .server import Server

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
CHUNK = 500_000
TABLE = "notification_system_notification"
#: A key of the moment: UUIDv7, as the app makes keys.
KEY = (
    "(lpad(to_hex((extract(epoch FROM {moment}) * 1000)::bigint), 12, '0')"
    " || '7' || substr(made.random, 1, 3) || 'a' || substr(made.random, 4, 15))::uuid"
)
#: Columns that differ from the copied notification's; all others stay as after the delivery.
VALUES = {
    "id": KEY,
    # The app's digest begins with 32 bits of seconds.
    "digest": "(lpad(to_hex(extract(epoch FROM {moment})::bigint), 8, '0')"
    " || substr(made.random, 5, 4) || '8' || substr(made.random, 9, 3)"
    " || 'a' || substr(made.random, 12, 15))::uuid",
    "provider_message_id": f"'<' || {KEY} || '@example.com>'",
    "created_date": "{moment}",
    "scheduled_delivery": "{moment}",
    "attempted_delivery": "{moment} + interval '1 second'",
    "modified_date": "{moment} + interval '1 second'",
}
MOMENT = "%(first)s::timestamptz + n * %(step)s"


def midnight(server: Server) -> datetime:
    """Return the beginning of the server's present day."""
    moment: datetime = server.one("SELECT date_trunc('day', now())")[0]
    return moment


def make_originals(server: Server, days: int) -> None:
    """Make old delivered notifications, and leave one notification that always waits.

    The waiting notification stands behind the delivered in the index that claims read, as in real
    life.
    """
    server.execute(
        f"UPDATE {TABLE} SET created_date = moment, scheduled_delivery = moment,"
        " attempted_delivery = moment, modified_date = moment"
        " FROM (SELECT date_trunc('day', now()) - %s * interval '1 day' AS moment) moments",
        [days + 1],
    )
    server.execute(
        f"CREATE TEMPORARY TABLE originals AS"
        f" SELECT *, row_number() OVER () - 1 AS number FROM {TABLE}"
    )
    server.execute("ANALYZE originals")
    server.execute(
        f"UPDATE {TABLE} SET status = 'SCHEDULED', scheduled_delivery = now() + interval '1 year'"
        f" WHERE id IN (SELECT id FROM {TABLE} LIMIT 1)"
    )


def partition(server: Server, days: int, number: int) -> None:
    """Make so many partitions for the past days, and two for the next, as the page shows."""
    server.execute((EXAMPLES / "partitions.sql").read_text())
    first = midnight(server) - timedelta(days=days)
    server.execute("SELECT notification_system_partition(%s)", [first])
    width = timedelta(days=days // number)
    for part in range(number + 2):
        bounds = [first + part * width, first + (part + 1) * width]
        server.execute("SELECT notification_system_add_partition(%s, %s)", bounds)


@contextmanager
def without_indexes(server: Server) -> Iterator[None]:
    """Take the indexes of a partitioned table away for a while, to fill it in half the time."""
    keys = server.all(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE contype IN ('p', 'u') AND conrelid IN (SELECT relid FROM pg_partition_tree(%s))",
        [TABLE],
    )
    indexes = server.all(
        "SELECT indexrelid::regclass::text, replace(pg_get_indexdef(indexrelid), ' ONLY ', ' ')"
        " FROM pg_index WHERE indrelid = %s::regclass",
        [TABLE],
    )
    for table, name, _ in keys:
        server.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for name, _ in indexes:
        server.execute(f"DROP INDEX {name}")
    yield
    for table, name, definition in keys:
        server.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
    for _, definition in indexes:
        server.execute(definition)


def fill(server: Server, rows: int, days: int) -> Iterator[int]:
    """Copy the originals, spread over the past days; yield how many copies are made."""
    columns = [
        name
        for (name,) in server.all(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s", [TABLE]
        )
    ]
    values = [VALUES.get(name, f"original.{name}").format(moment=MOMENT) for name in columns]
    ((originals,),) = server.all("SELECT count(*) FROM originals")
    step = timedelta(days=days) / max(rows, 1)
    for done in range(0, rows, CHUNK):
        last = min(done + CHUNK, rows)
        server.execute(
            f"INSERT INTO {TABLE} ({', '.join(columns)}) SELECT {', '.join(values)}"
            " FROM generate_series(%(start)s::bigint, %(last)s::bigint) n"
            " JOIN originals original ON original.number = n %% %(originals)s"
            # Of the row's number, so that each row gets its own.
            " CROSS JOIN LATERAL (SELECT md5(n::text || random()) AS random) made",
            {
                "first": midnight(server) - timedelta(days=days),
                "step": step,
                "start": done,
                "last": last - 1,
                "originals": originals,
            },
        )
        yield last
