"""Emptying the IP addresses in the consent log once nobody will ask for a proof any more."""

from datetime import timedelta

from django.utils import timezone

from ..database import patiently
from ..models import ConsentLog

#: How long the log keeps an IP address: German law lets most claims lapse in three years
#: (BGB, section 195).
KEPT_FOR = timedelta(days=3 * 365 + 1)
#: How many entries a statement changes.
BATCH_SIZE = 2000


def forget_old_ips(*, using: str) -> int:
    """Empty the IP addresses of entries older than three years; return how many.

    Args:
        using: The database's alias.
    """
    log = ConsentLog.objects.using(using)
    before = timezone.now() - KEPT_FOR
    forgotten = 0
    while number := patiently(lambda: log.forget_ips(before, BATCH_SIZE), using=using):
        forgotten += number
    return forgotten
