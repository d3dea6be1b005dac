"""Empty databases for tests that migrate."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.databases import DATABASES, TEST_NAME, UNSAFE_AND_FAST
from tests.support.workers.sql import copy_database


@contextmanager
def scratch_database(vendor: str, folder: Path) -> Iterator[dict[str, Any]]:
    """Make an empty database, yield its entry for ``DATABASES``, and drop it.

    Args:
        vendor: A key of ``tests.databases.DATABASES``.
        folder: The folder for SQLite's file.
    """
    name = f"{TEST_NAME}_{uuid.uuid4().hex[:8]}"
    settings = {key: value for key, value in DATABASES[vendor].items() if key != "TEST"}
    settings["OPTIONS"] = {**settings.get("OPTIONS", {}), **UNSAFE_AND_FAST.get(vendor, {})}
    if vendor == "sqlite":
        yield {**settings, "NAME": str(folder / f"{name}.sqlite3")}
        return
    _execute(vendor, f"CREATE DATABASE {name}")
    try:
        yield {**settings, "NAME": name}
    finally:
        _execute(vendor, f"DROP DATABASE {name}" + " WITH (FORCE)" * (vendor == "postgresql"))


@contextmanager
def copied_database(
    vendor: str, folder: Path, original: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Make a copy of a database, yield its entry for ``DATABASES``, and drop the copy.

    Args:
        vendor: A key of ``tests.databases.DATABASES``.
        folder: The folder for SQLite's file.
        original: The entry of the original; no client may be connected.
    """
    name = f"{TEST_NAME}_{uuid.uuid4().hex[:8]}"
    if vendor == "sqlite":
        name = str(folder / f"{name}.sqlite3")
    copy_database(original["NAME"], name)
    try:
        yield {**original, "NAME": name}
    finally:
        if vendor != "sqlite":
            _execute(vendor, f"DROP DATABASE {name}" + " WITH (FORCE)" * (vendor == "postgresql"))


@contextmanager
def snapshot(vendor: str, name: str) -> Iterator[Callable[[], object]]:
    """Keep a database's present state, and yield a function that restores the state.

    No client may be connected, now and at every restore. MariaDB is not supported.

    Args:
        vendor: ``sqlite`` or ``postgresql``.
        name: The database's name, or its file.
    """
    kept = f"{name}_kept"
    if vendor == "sqlite":
        shutil.copyfile(name, kept)
        yield partial(shutil.copyfile, kept, name)
        return
    _execute(vendor, f"CREATE DATABASE {kept} TEMPLATE {name}")

    def restore() -> None:
        _execute(vendor, f"DROP DATABASE {name} WITH (FORCE)")
        _execute(vendor, f"CREATE DATABASE {name} TEMPLATE {kept}")

    try:
        yield restore
    finally:
        _execute(vendor, f"DROP DATABASE {kept}")


def _execute(vendor: str, statement: str) -> None:
    """Run a statement outside of any of Django's connections."""
    settings = DATABASES[vendor]
    login = {name: settings[name.upper()] for name in ("user", "password", "host")}
    port = int(settings["PORT"])
    if vendor == "postgresql":
        import psycopg

        with psycopg.connect(**login, port=port, dbname=settings["NAME"], autocommit=True) as link:
            link.execute(statement)
    else:
        import pymysql

        with pymysql.connect(**login, port=port, autocommit=True) as link, link.cursor() as cursor:
            cursor.execute(statement)
