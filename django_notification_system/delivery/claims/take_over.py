"""Take over a claim made by another process."""

import uuid

from django.db.models import F

from ...database import patiently
from ...models import Notification
from ...models.expressions import DatabaseNow
from .claim import Claim, lease_end
from .claimed_rows import keep_rows_of, read_claimed
from .due import Due
from .free_rows import still_due


def take_over(token: uuid.UUID, keys: list[uuid.UUID], due: Due, *, lease_seconds: float) -> Claim:
    """Take over a claim from another process, with a fresh token; read the rows.

    Of two processes that take over the same batch, the first finds all rows, the second none.

    Args:
        token: The token of the other process's claim.
        keys: The rows' keys.
        due: The rows' target, and the moment by which rows are due; later rows are left out.
        lease_seconds: The length of the new lease.

    Returns:
        The claim; empty where the lease has ended, or another process was faster.
    """
    claim = Claim(uuid.uuid4(), [], due.using, is_last=True)
    rows = still_due(Notification.objects.using(due.using).filter(id__in=keys), due.due_by)
    claimed = rows.filter(claim_token=token, claimed_until__gt=DatabaseNow())
    lease = {"claim_token": claim.token, "claimed_until": lease_end(lease_seconds)}
    patiently(
        lambda: claimed.update(**lease, interruptions=F("interruptions") + 1), using=due.using
    )
    read_claimed(claim, keys)
    keep_rows_of(due.target, claim)
    return claim
