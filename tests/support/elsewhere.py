"""Another connection, which acts while a call of a test is under way."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from tests.settings import TEST_DATABASE

no_threads = pytest.mark.skipif(TEST_DATABASE == "sqlite", reason="threads share no database")


def begin_elsewhere(act: Callable[[], Any]) -> threading.Thread:
    """Do something in a thread with a connection of its own; return the thread."""

    def work() -> None:
        try:
            act()
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def elsewhere(act: Callable[[], Any]) -> None:
    """Do something in a thread with a connection of its own, and wait for the end."""
    begin_elsewhere(act).join()
