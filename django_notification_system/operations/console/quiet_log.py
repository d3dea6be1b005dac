"""What the log says on a terminal while a command runs, and what it leaves to the command."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

NAME = "django_notification_system"


class NewsOfTargets(logging.Filter):
    """Lets through, of this app's records, problems that concern more than one notification."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is written."""
        is_problem = record.levelno >= logging.WARNING
        concerns_more = not hasattr(record, "notification_id")
        return record.name != NAME or (is_problem and concerns_more)


class NotTwice(logging.Filter):
    """Holds back what the command itself says of a notification; a traceback it does not say."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is written."""
        is_said = record.levelno < logging.ERROR and hasattr(record, "notification_id")
        return record.name != NAME or not is_said


@contextmanager
def log_beside_command(*, is_quiet: bool) -> Iterator[None]:
    """Keep off the terminal what a command says itself, or is not to say.

    What a project has asked of this app's own logger stays as it asked; files, and services that
    collect logs, get everything as before.

    Args:
        is_quiet: Whether nothing is said but what keeps a whole target from working.
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
    """Yield the handlers of all loggers above this app's that write to standard output or error."""
    streams = (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
    logger = logging.getLogger(NAME)
    while logger.propagate and logger.parent is not None:
        logger = logger.parent
        for handler in logger.handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream in streams:
                yield handler
