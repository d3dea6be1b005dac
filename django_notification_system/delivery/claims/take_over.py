"""Taking over a claim that another process has made."""

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
    """Make a claim that was handed over this process's own, by a fresh token; read its rows.

    Of two processes that take over the same batch one finds all of it, the other nothing.

    Args:
        token: The token of the claim that was handed over.
        keys: The keys of its rows.
        due: The rows' target, and the moment by which rows are due; later rows are left out.
        lease_seconds: For how long to hold the rows from now.

    Returns:
        The claim; an empty one where the lease has ended, or another process was faster.
    """
    claim = Claim(uuid.uuid4(), [], due.using, is_last=True)
    rows = still_due(Notification.objects.using(due.using).filter(id__in=keys), due.due_by)
    held = rows.filter(claim_token=token, claimed_until__gt=DatabaseNow())
    lease = {"claim_token": claim.token, "claimed_until": lease_end(lease_seconds)}
    patiently(lambda: held.update(**lease, interruptions=F("interruptions") + 1), using=due.using)
    read_claimed(claim, keys)
    keep_rows_of(due.target, claim)
    return claim
