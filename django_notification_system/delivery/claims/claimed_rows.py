"""Reading the rows of a claim."""

import uuid
from collections.abc import Sequence

from django.db import DatabaseError

from ...database import patiently
from ...models import Notification, NotificationTarget
from ...outcome import one_line
from .claim import Claim
from .free_rows import rank_in_memory
from .large_texts import read


def read_claimed(claim: Claim, keys: Sequence[uuid.UUID]) -> None:
    """Read the rows of these keys that a claim holds into the claim, in the order they go."""
    rows = claim.rows(keys).for_delivery().order_by("scheduled_delivery", "created_date")
    try:
        claim.notifications.extend(patiently(lambda: read(rows), using=claim.using))
    except DatabaseError:
        raise
    except Exception:
        # One row's JSON is more than Python reads: too long a number, too deep a list.
        for key in keys:
            _read_alone(claim, key)
    claim.notifications.sort(key=rank_in_memory())


def keep_rows_of(target: NotificationTarget, claim: Claim) -> None:
    """Keep a target's rows in its claim; send home rows whose record was moved to another target.

    Args:
        target: The target.
        claim: The claim that was made for it.
    """
    strays = [row for row in claim.notifications if row.target_user_record.target_id != target.pk]
    if strays:
        _send_home(claim, strays)
    for notification in claim.notifications:
        notification.target_user_record.target = target  # one object, not read for each row
    claim.latest = max((row.scheduled_delivery for row in claim.notifications), default=None)


def unreadable(error: Exception) -> str:
    """Return the response for a notification whose ``extra`` Python cannot read."""
    return f"Not sent: extra cannot be read ({one_line(error)})."


def _read_alone(claim: Claim, key: uuid.UUID) -> None:
    row = claim.rows([key]).for_delivery()
    try:
        claim.notifications.extend(read(row))
    except DatabaseError:
        raise
    except Exception as error:
        claim.notifications.extend(row.defer("extra"))
        claim.unreadable[key] = unreadable(error)


def _send_home(claim: Claim, strays: list[Notification]) -> None:
    claim.rows_moved = True
    keys = {stray.pk for stray in strays}
    claim.notifications[:] = [row for row in claim.notifications if row.pk not in keys]
    claim.send_home(keys)
