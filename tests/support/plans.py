"""A database's plan for a statement: the indexes it reads, and how many rows."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

STATEMENT = re.compile(r"[\s(]*(SELECT|UPDATE|INSERT|DELETE|WITH)\b", re.IGNORECASE)
#: SQLite's words for reading a table: ``SEARCH notification USING INDEX due (status=? AND …)``.
SQLITE_ACCESS = re.compile(
    r"(?P<how>SCAN|SEARCH) (?P<table>\S+)"
    r"(?: USING (?:COVERING |AUTOMATIC |PARTIAL )*INDEX (?P<index>\S+))?(?: \((?P<terms>.*)\))?"
)
#: MariaDB leaves quotation marks in a condition as they are, and what comes out is no JSON.
CONDITION = re.compile(r'^(\s*"attached_condition": ").*(?=",?$)', re.MULTILINE)
#: MariaDB's words for reading a whole table, or a whole index.
WHOLE = {"ALL", "index"}


@dataclass(frozen=True)
class Access:
    """How a table is read.

    Attributes:
        table: The table's name, or its alias in the statement.
        index: The index; empty for a read of the whole table.
        terms: The index's columns looked up for a single value, where the database tells.
        rows: How many rows were read, where the database tells.
        whole: Whether the whole table or index is read.
    """

    table: str
    index: str
    terms: tuple[str, ...] = ()
    rows: float | None = None
    whole: bool = False


@dataclass(frozen=True)
class Plan:
    """The database's plan for a statement.

    Attributes:
        statement: The statement.
        accesses: The tables read.
        sorted_rows: How many rows every sort has; ``None`` for a sort of unknown size.
    """

    statement: str
    accesses: tuple[Access, ...]
    sorted_rows: tuple[float | None, ...]


def statements_of(operation: Callable[[], Any]) -> list[str]:
    """Run an operation, and return its statements, without those of the transaction."""
    with CaptureQueriesContext(connection) as queries:
        operation()
    return [query["sql"] for query in queries if STATEMENT.match(query["sql"])]


def explained(statement: str) -> str:
    """Return the database's own text: the plan, without executing the statement."""
    explain = {
        "postgresql": "EXPLAIN",
        "mysql": "EXPLAIN",
        "sqlite": "EXPLAIN QUERY PLAN",
    }[connection.vendor]
    with connection.cursor() as cursor:
        # No parameters: a percent sign stands for itself.
        cursor.execute(f"{explain} {statement}", None)
        if connection.vendor == "postgresql":
            return "\n".join(row[0] for row in cursor.fetchall())
        if connection.vendor == "sqlite":
            return "\n".join(row[3] for row in cursor.fetchall())
        names = [column[0] for column in cursor.description]
        return "\n".join(
            ", ".join(f"{name}={value}" for name, value in zip(names, row, strict=True) if value)
            for row in cursor.fetchall()
        )


def plan_of(statement: str) -> Plan:
    """Return the database's plan for a statement.

    PostgreSQL and MariaDB execute the statement and count the rows read; the effect is undone.
    """
    if connection.vendor == "sqlite":
        return _sqlite_plan(statement)
    words = {
        "postgresql": "EXPLAIN (ANALYZE, FORMAT JSON)",
        "mysql": "ANALYZE FORMAT=JSON",
    }[connection.vendor]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"{words} {statement}", None)
        (answer,) = cursor.fetchone()
        transaction.set_rollback(True)
    if connection.vendor == "mysql":
        answer = CONDITION.sub(r"\1", answer)
    told = json.loads(answer) if isinstance(answer, str) else answer
    if connection.vendor == "postgresql":
        return _postgresql_plan(statement, told[0]["Plan"])
    return _mariadb_plan(statement, told)


def _sqlite_plan(statement: str) -> Plan:
    accesses, sorts = [], []
    for line in explained(statement).splitlines():
        if "TEMP B-TREE" in line:
            sorts.append(None)
        match = SQLITE_ACCESS.match(line)
        if match is None or match["table"] in ("CONSTANT", "SUBQUERY", "LIST"):
            continue
        terms = re.findall(r"(\w+)=\?", match["terms"] or "")
        accesses.append(
            Access(match["table"], match["index"] or "", tuple(terms), whole=match["how"] == "SCAN")
        )
    return Plan(statement, tuple(accesses), tuple(sorts))


def _postgresql_plan(statement: str, root: dict[str, Any]) -> Plan:
    accesses, sorts = [], []
    for node in _postgresql_nodes(root):
        rows = node["Actual Rows"] * node["Actual Loops"]
        if "Sort" in node["Node Type"]:
            child = node["Plans"][0]
            sorts.append(child["Actual Rows"] * child["Actual Loops"])
        if "Index Name" not in node and "Relation Name" not in node:
            continue
        if node["Node Type"] == "ModifyTable":
            continue
        removed = sum(
            node.get(f"Rows Removed by {word}", 0) * node["Actual Loops"]
            for word in ("Filter", "Index Recheck")
        )
        if node["Node Type"] == "Bitmap Heap Scan":
            continue  # reads the rows found by the index below
        accesses.append(
            Access(
                node.get("Relation Name", ""),
                node.get("Index Name", ""),
                rows=rows + removed,
                whole=node["Node Type"] in ("Seq Scan", "Parallel Seq Scan"),
            )
        )
    return Plan(statement, tuple(accesses), tuple(sorts))


def _postgresql_nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _postgresql_nodes(child)


def _mariadb_plan(statement: str, told: Any) -> Plan:
    accesses, sorts = [], []
    for name, node in _mariadb_nodes(told):
        if name == "filesort":
            sorts.append(float(node.get("r_used_priority_queue_rows") or _filesort_rows(node)))
        if "table_name" not in node or str(node["table_name"]).startswith("<"):
            continue
        rows = node.get("r_rows", node.get("r_total_rows"))
        read = None if rows is None else float(rows) * float(node.get("r_loops", 1))
        accesses.append(
            Access(
                node["table_name"],
                node.get("key", ""),
                tuple(node.get("used_key_parts", ())),
                rows=read,
                whole=node.get("access_type") in WHOLE,
            )
        )
    return Plan(statement, tuple(accesses), tuple(sorts))


def _filesort_rows(node: dict[str, Any]) -> float:
    """Return how many rows went into a sort: the rows from the table below."""
    return max(
        (
            float(below.get("r_rows") or 0) * float(below.get("r_loops") or 1)
            for _, below in _mariadb_nodes(node)
            if "table_name" in below
        ),
        default=0.0,
    )


def _mariadb_nodes(told: Any, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(told, dict):
        yield name, told
        for key, value in told.items():
            yield from _mariadb_nodes(value, key)
    elif isinstance(told, list):
        for value in told:
            yield from _mariadb_nodes(value, name)
