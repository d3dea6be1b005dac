"""A database beside the default, for all writes of a router."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections

from tests.settings import TEST_DATABASE
from tests.support.scratch_databases import scratch_database


class Elsewhere:
    """A router that sends writes, and only writes, to another database."""

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "elsewhere"


@pytest.fixture(scope="module")
def other_database(
    tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any
) -> Iterator[None]:
    """A database beside the default, without a test's open transaction."""
    with scratch_database(TEST_DATABASE, tmp_path_factory.mktemp("elsewhere")) as settings:
        configured = connections.configure_settings({"default": {}, "elsewhere": settings})
        connections.databases["elsewhere"] = configured["elsewhere"]
        with django_db_blocker.unblock():
            call_command("migrate", database="elsewhere", verbosity=0)
            yield
            connections["elsewhere"].close()
        # Another module of the process asks for another database by the same name.
        del connections["elsewhere"]
        del connections.databases["elsewhere"]
