"""Write a claim's token and lease into rows."""

import uuid
from datetime import datetime

from django.db.models import F

from ...models import Notification
from ...models.expressions import Among
from .claim import Claim, lease_end
from .free_rows import still_due


def mark(
    claim: Claim, keys: list[uuid.UUID], lease_seconds: float, *, free_and_due_by: datetime | None
) -> int:
    """Claim rows; without locks, only rows that are still due and free.

    Args:
        claim: The claim; until ``marking`` is empty, the database may not have answered.
        keys: The rows' keys.
        lease_seconds: The length of the lease.
        free_and_due_by: The latest ``scheduled_delivery``, where the rows are not locked: another
            run may have claimed a row, failed and set the next attempt in between.

    Returns:
        How many rows were claimed.
    """
    claim.marking = keys
    if not keys:
        return 0
    rows = Notification.objects.using(claim.using).filter(Among("id", keys))
    if free_and_due_by is not None:
        rows = still_due(rows, free_and_due_by).unclaimed()
    # A death counts from now on where the rows are about to be sent.
    count = {"interruptions": F("interruptions") + 1} if claim.is_counted else {}
    return rows.update(claim_token=claim.token, claimed_until=lease_end(lease_seconds), **count)
