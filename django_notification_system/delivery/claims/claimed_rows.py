"""Read the rows of a claim."""

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
    """Read the claim's rows with these keys into the claim, in the order of delivery.

    Args:
        claim: The claim.
        keys: The keys; rows no longer claimed are left out.
    """
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
    """Keep a target's rows in its claim, and send home rows whose record has another target by now.

    Args:
        target: The claim's target.
        claim: The claim.
    """
    strays = [row for row in claim.notifications if row.target_user_record.target_id != target.pk]
    if strays:
        _send_home(claim, strays)
    for notification in claim.notifications:
        # the same object for all rows, without a query for every row
        notification.target_user_record.target = target
    claim.latest = max((row.scheduled_delivery for row in claim.notifications), default=None)


def unreadable(error: Exception) -> str:
    """Return the response for a notification whose ``extra`` Python cannot read.

    Args:
        error: The error of reading.
    """
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
