"""The engine's own log on a terminal."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

logger = logging.getLogger("django_notification_system")


@contextmanager
def engine_log(stream: Any) -> Iterator[None]:
    """Show the engine's steps (batches, with their duration) on a stream.

    Args:
        stream: A text stream, such as standard error.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
