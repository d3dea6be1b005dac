"""The log's part of a terminal while a command runs."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

NAME = "django_notification_system"


class NewsOfTargets(logging.Filter):
    """Lets through, of this app's records, problems of more than one notification."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is written."""
        is_problem = record.levelno >= logging.WARNING
        concerns_more = not hasattr(record, "notification_id")
        return record.name != NAME or (is_problem and concerns_more)


class NotTwice(logging.Filter):
    """Holds back records that repeat the command's output; tracebacks pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is written."""
        is_said = record.levelno < logging.ERROR and hasattr(record, "notification_id")
        return record.name != NAME or not is_said


@contextmanager
def log_beside_command(*, is_quiet: bool) -> Iterator[None]:
    """Keep repetitions of the command's output, and unwanted records, off the terminal.

    A project's settings for this app's own logger stay in force; files, and services that collect
    logs, get everything as before.

    Args:
        is_quiet: Whether only problems of a whole target are printed.
    """
    handlers: list[logging.Handler] = [logging.lastResort] if logging.lastResort else []
    rule: logging.Filter = NotTwice()
    if is_quiet:
        rule = NewsOfTargets()
        handlers += _on_the_terminal()
    for handler in handlers:
        handler.addFilter(rule)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(rule)


def _on_the_terminal() -> Iterator[logging.Handler]:
    """Yield the handlers above this app's logger that write to standard output or error."""
    streams = (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
    logger = logging.getLogger(NAME)
    while logger.propagate and logger.parent is not None:
        logger = logger.parent
        for handler in logger.handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream in streams:
                yield handler
