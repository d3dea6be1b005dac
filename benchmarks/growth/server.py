"""The benchmark's database server: a step's cost, and the sizes of tables."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

TICKS = os.sysconf("SC_CLK_TCK")
#: Columns of /proc/PID/stat, counted from the state: the parent, and the times of a process and of
#: its ended children.
PARENT = 1
OWN_TIMES = slice(11, 13)
ALL_TIMES = slice(11, 15)
TABLES = "notification_system_notification%"
ATTEMPTS = "notification_system_attempt"


@dataclass(frozen=True)
class Reading:
    """The server's counts up to a moment.

    Attributes:
        position: Bytes of WAL.
        images: Full pages in the WAL.
        busy: Processor seconds of all server processes; 0 on another machine.
        inserts, updates, hot, deletes: Rows of the notifications' tables.
    """

    position: int
    images: int
    busy: float
    inserts: int
    updates: int
    hot: int
    deletes: int

    def since(self, earlier: "Reading") -> "Reading":
        return Reading(
            **{name: value - getattr(earlier, name) for name, value in vars(self).items()}
        )


@dataclass(frozen=True)
class Sizes:
    """Bytes of the notifications' tables, with values stored out of line, and of their indexes."""

    rows: int
    table: int
    indexes: int


class Server:
    """A connection for reading the counts; its own work hardly counts.

    Args:
        entry: An entry of Django's ``DATABASES``.
    """

    def __init__(self, entry: dict[str, Any]) -> None:
        self._connection = psycopg.connect(
            host=entry["HOST"],
            port=entry["PORT"],
            user=entry["USER"],
            password=entry["PASSWORD"],
            dbname=entry["NAME"],
            autocommit=True,
        )
        self.name = entry["NAME"]

    def close(self) -> None:
        self._connection.close()

    def execute(self, statement: str, parameters: Any = None) -> None:
        self._connection.execute(statement, parameters)

    def one(self, statement: str, parameters: Any = None) -> Any:
        """Return the first row."""
        return self._connection.execute(statement, parameters).fetchone()

    def all(self, statement: str, parameters: Any = None) -> list[Any]:
        return self._connection.execute(statement, parameters).fetchall()

    def reading(self) -> Reading:
        # Processes add their counts when they end, or a second later.
        time.sleep(1.5)
        (position,) = self.one("SELECT pg_current_wal_insert_lsn() - '0/0'")
        (images,) = self.one("SELECT wal_fpi FROM pg_stat_wal")
        counted = self.one(
            "SELECT sum(n_tup_ins), sum(n_tup_upd), sum(n_tup_hot_upd), sum(n_tup_del)"
            " FROM pg_stat_user_tables WHERE relname LIKE %s",
            [TABLES],
        )
        return Reading(int(position), int(images), self.busy_seconds(), *map(int, counted))

    def busy_seconds(self) -> float:
        (backend,) = self.one("SELECT pg_backend_pid()")
        if not is_postgres(backend):
            return 0.0
        parent = stat(backend)[PARENT]
        ticks = sum(stat(parent)[ALL_TIMES])
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                numbers = stat(int(folder.name))
            except OSError:
                continue  # the process has ended
            if numbers[PARENT] == parent:
                ticks += sum(numbers[OWN_TIMES])
        return ticks / TICKS

    def sizes(self) -> Sizes:
        rows, table, indexes = self.one(
            "SELECT sum(greatest(reltuples, 0)), sum(pg_table_size(oid)), sum(pg_indexes_size(oid))"
            " FROM pg_class WHERE relname LIKE %s AND relkind = 'r'",
            [TABLES],
        )
        return Sizes(int(rows), int(table), int(indexes))

    def index_sizes(self) -> dict[str, int]:
        """Return the indexes' bytes of a table without partitions."""
        return dict(
            self.all(
                "SELECT indexrelname, pg_relation_size(indexrelid) FROM pg_stat_user_indexes"
                " WHERE relname LIKE %s ORDER BY 2 DESC",
                [TABLES],
            )
        )


def is_postgres(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/comm").read_text().startswith("postgres")
    except OSError:
        return False


def stat(process: int) -> list[int]:
    """Return the numbers of /proc/PID/stat from the state on; the state counts as 0."""
    text = Path(f"/proc/{process}/stat").read_text()
    return [0, *map(int, text.rpartition(")")[2].split()[1:])]
