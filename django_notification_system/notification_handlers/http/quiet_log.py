"""Keep secrets out of urllib3's log: paths of requests, and what is wrong with answers.

At DEBUG urllib3 names each request's path, and at WARNING it quotes headers that it cannot read: an
echo's have the request in them.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from urllib3.exceptions import HeaderParsingError

#: The loggers that name addresses.
LOGGERS = ("urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry")
HIDDEN = "/***"


class _Thread(threading.local):
    """Whether the calling thread's request has a secret address."""

    hides: bool = False


_thread = _Thread()


class _HideSecrets(logging.Filter):
    """Replaces quotations, and for the threads that ask so paths and URLs, among the arguments."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through."""
        if not isinstance(record.args, tuple):
            return True
        if any(isinstance(each, HeaderParsingError) for each in record.args):
            record.args = tuple(map(_without_quotation, record.args))
            record.exc_info = None
        if _thread.hides:
            record.args = tuple(map(_without_address, record.args))
        return True


@contextmanager
def addresses_hidden() -> Iterator[None]:
    """Hide the addresses of the calling thread's requests from the log."""
    before, _thread.hides = _thread.hides, True
    try:
        yield
    finally:
        _thread.hides = before


def _without_quotation(argument: Any) -> Any:
    return HIDDEN if isinstance(argument, HeaderParsingError) else argument


def _without_address(argument: Any) -> Any:
    if isinstance(argument, str) and (argument.startswith("/") or "://" in argument):
        return HIDDEN
    return argument


_filter = _HideSecrets()
for _name in LOGGERS:
    logging.getLogger(_name).addFilter(_filter)
