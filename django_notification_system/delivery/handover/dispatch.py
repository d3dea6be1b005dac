"""Hand over new notifications on commit to the project's task engine.

A web request mostly waits meanwhile. So an engine that fails is left alone for a while. The next
run delivers every notification that was not handed over.
"""

import logging
import time
import uuid
from collections.abc import Iterable

from ...database import impatiently
from .engine import Enqueue, find_engine
from .message import BatchMessage, claim_notifications, give_back
from .time_limit import all_within

logger = logging.getLogger("django_notification_system")

#: Seconds after which no further batch is handed over: a sound engine has as many for the last.
BEGIN_SECONDS = 1.0
#: The longest wait, in seconds, of a committing thread for an engine that keeps to ``time_limit``.
MOST_SECONDS = 2.0
#: Seconds after a failure of the engine in which this process hands no batch over.
REST_SECONDS = 30.0


class Rest:
    """Until when the engine is left alone, by the monotonic clock."""

    until = 0.0


def dispatch(keys: Iterable[uuid.UUID], *, using: str) -> None:
    """Hand over the notifications that are due and free; log every error, raise none.

    Args:
        keys: The notifications' keys.
        using: The alias of the notifications' database.
    """
    if time.monotonic() < Rest.until:
        return
    try:
        with all_within(MOST_SECONDS):
            _hand_over_all(keys, using=using)
    except Exception as error:
        Rest.until = time.monotonic() + REST_SECONDS
        # Only the error's name: the text may quote the broker's address, with the password.
        logger.error(
            "What was created could not be handed to the task engine on commit (%s). The next run"
            " delivers it. Nothing more is handed over on commit for %d seconds.",
            type(error).__name__,
            REST_SECONDS,
        )


def _hand_over_all(keys: Iterable[uuid.UUID], *, using: str) -> None:
    begin_until = time.monotonic() + BEGIN_SECONDS
    enqueue = find_engine()
    batches = claim_notifications(keys, using=using)
    while time.monotonic() < begin_until:
        with impatiently():
            batch = next(batches, None)
        if batch is None:
            return
        _hand_over(batch, enqueue)


def _hand_over(batch: BatchMessage, enqueue: Enqueue) -> None:
    try:
        enqueue(batch)
    except BaseException:
        with impatiently():
            give_back(batch)
        raise
