"""The databases for the tests, and whether they are there."""

import os
import socket
from typing import Any

HOST = os.environ.get("TEST_DATABASE_HOST", "127.0.0.1")
#: Two simultaneous test runs need two databases: TEST_DATABASE_SUFFIX tells them apart.
TEST_NAME = "test_django_notification_system" + os.environ.get("TEST_DATABASE_SUFFIX", "")

DATABASES: dict[str, dict[str, Any]] = {
    "sqlite": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": ":memory:",
    },
    "postgresql": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ.get("TEST_POSTGRESQL_NAME", "postgres"),
        "USER": os.environ.get("TEST_POSTGRESQL_USER", "postgres"),
        "PASSWORD": os.environ.get("TEST_POSTGRESQL_PASSWORD", ""),
        "HOST": HOST,
        "PORT": os.environ.get("TEST_POSTGRESQL_PORT", "5432"),
        "TEST": {"NAME": TEST_NAME},
    },
    "mariadb": {
        "ENGINE": "django.db.backends.mysql",
        "NAME": os.environ.get("TEST_MARIADB_NAME", "test"),
        "USER": os.environ.get("TEST_MARIADB_USER", "root"),
        "PASSWORD": os.environ.get("TEST_MARIADB_PASSWORD", ""),
        "HOST": HOST,
        "PORT": os.environ.get("TEST_MARIADB_PORT", "3306"),
        "OPTIONS": {"charset": "utf8mb4"},
        "TEST": {"NAME": TEST_NAME, "CHARSET": "utf8mb4"},
    },
}

#: Nobody pulls the plug of a database of tests: commits need not wait for the disk.
UNSAFE_AND_FAST = {
    "sqlite": {"init_command": "PRAGMA synchronous = OFF"},
    "postgresql": {"options": "-c synchronous_commit=off"},
}


def is_there(name: str) -> bool:
    """Tell whether the database server listens; SQLite always does."""
    if name == "sqlite":
        return True
    settings = DATABASES[name]
    try:
        socket.create_connection((settings["HOST"], int(settings["PORT"])), timeout=2).close()
    except OSError:
        return False
    return True


def use_pymysql() -> None:
    """Let PyMySQL stand in for mysqlclient, which needs a compiler and MariaDB's headers."""
    import pymysql

    # Django requires a release of mysqlclient for features that PyMySQL has, too.
    pymysql.version_info = (2, 2, 7, "final", 0)
    pymysql.install_as_MySQLdb()
