"""How long a claim takes with no delivered notifications in the table, and with millions.

    python -m benchmarks.claim_growth [--rows 5000000] [--database postgresql mariadb sqlite]

A claim takes 500 of a target's due notifications, in a database of its own, while the batch before
is still claimed, as in a run that claims ahead. Of several claims the fastest counts: other work on
the machine disturbs the fastest least. The EXPLAINs are of the executed statements, with all rows
in the table.
"""

import argparse
import os
import re
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from tests.databases import is_there

from .project import Project, project

if TYPE_CHECKING:
    from django_notification_system.delivery.claims.claim import Claim

BATCH = 500
ROUNDS = 20
LEASE_SECONDS = 300
KEY = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
MORE_KEYS = re.compile(rf"(?:, ?'?{KEY.pattern}'?(?:::uuid)?){{2,}}")
COLUMNS = re.compile(r"SELECT (?:[^()]{400,}) FROM")
DATABASES = ["postgresql", "mariadb", "sqlite"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000_000, help="delivered ones")
    parser.add_argument("--database", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--claim", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.claim:
        claim()
        return
    for vendor in options.database:
        if is_there(vendor):
            compare(vendor, options.rows)
        else:
            print(f"{vendor} is left out: no server")


def compare(vendor: str, rows: int) -> None:
    medians, fastest = [], []
    for delivered in (0, rows):
        with project(vendor) as its_project:
            started = time.monotonic()
            fill(its_project, delivered)
            filled = time.monotonic() - started
            median, best, *plans = its_project.python(
                "-m", "benchmarks.claim_growth", "--claim"
            ).split("\n", maxsplit=2)
        medians.append(float(median))
        fastest.append(float(best))
        print(
            f"{vendor}, {delivered:>9,} delivered: a claim of {BATCH} takes"
            f" {medians[-1] * 1000:.1f} ms (median; fastest {fastest[-1] * 1000:.1f} ms),"
            f" {medians[-1] / BATCH * 1e6:.0f} µs a notification;"
            f" load {os.getloadavg()[0]:.1f}, filled in {filled:.0f} s",
            flush=True,
        )
    print(
        f"{vendor}, with them against without: median {medians[1] / medians[0]:.2f} times,"
        f" fastest {fastest[1] / fastest[0]:.2f} times\n"
    )
    print(plans[0], flush=True)


def fill(its_project: Project, delivered: int) -> None:
    if delivered:
        number = str(delivered)
        its_project.fill("--number", number, "--status", "DELIVERED", "--bodies", "short")
    its_project.fill("--number", str((ROUNDS + 2) * BATCH))


def claim() -> None:
    """Claim again and again; print median and fastest in seconds, and the EXPLAINs."""
    import django

    django.setup()

    from tests.support.plans import explained, statements_of

    claim_next = claiming()
    held = claim_next()  # connects, and reads data that a run keeps
    claims: list[Claim] = []
    statements = statements_of(lambda: claims.append(claim_next()))
    seconds = []
    for _ in range(ROUNDS):
        deliver(held)
        held = claims.pop()
        started = time.perf_counter()
        claims.append(claim_next())
        seconds.append(time.perf_counter() - started)
        if (number := len(claims[0].notifications)) != BATCH:
            sys.exit(f"A claim got {number} notifications.")
    print(statistics.median(seconds), min(seconds), sep="\n")
    for statement in statements:
        print(f"    {shortened(statement)}")
        for line in explained(statement).splitlines():
            print(f"        {shortened(line)}")


def claiming() -> "Callable[[], Claim]":
    from django.utils import timezone

    from django_notification_system.delivery.claims.due import Due
    from django_notification_system.delivery.claims.levels import Levels
    from django_notification_system.delivery.claims.take import take
    from django_notification_system.models import NotificationTarget

    target = NotificationTarget.objects.get(notification_module_name="email")
    return partial(
        take,
        Due(target=target, due_by=timezone.now(), using="default"),
        BATCH,
        lease_seconds=LEASE_SECONDS,
        levels=Levels(target, using="default"),  # as a run keeps them
    )


def deliver(claim: "Claim") -> None:
    """Deliver a batch: a claim scans all claimed rows, and a run does not have all rows claimed."""
    rows = claim.rows(notification.pk for notification in claim.notifications)
    rows.update(status="DELIVERED", claim_token=None, claimed_until=None)


def shortened(text: str) -> str:
    """Leave out the keys but for the first, and the columns of a long SELECT."""
    text = MORE_KEYS.sub(lambda keys: f", … {len(KEY.findall(keys[0]))} more", text)
    return COLUMNS.sub("SELECT … FROM", text, count=1)


if __name__ == "__main__":
    main()
