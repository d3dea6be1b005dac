"""The scenarios: a scenario breaks one thing again and again, and allows so many copies."""

import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from tests.settings import TEST_DATABASE
from tests.support.workers.pool import end_connections

from .storm import RECORD_EVERY, Storm

#: Copies that the end of a process may cost: the message on its way, and unrecorded outcomes.
OF_ONE_PROCESS = 1 + RECORD_EVERY
ENGINE: dict[str, Any] = {"LEASE_SECONDS": 2, "BATCH_SIZE": 100, "RECORD_EVERY": RECORD_EVERY}
#: How many processes a notification may end, by default.
DEATHS = 3


def kills(storm: Storm, number: int) -> None:
    """Kill -9, again and again, in a quarter of the cases during the start."""
    storm.fill(number)
    workers = [storm.watch(**ENGINE) for _ in range(4)]
    while storm.delivered() < number and not storm.is_over:
        seen = min(storm.delivered() + number // 15, number)
        storm.wait_until(lambda seen=seen: storm.delivered() >= seen)  # type: ignore[misc]
        victim = storm.chance.randrange(len(workers))
        workers[victim].kill()
        workers[victim].communicate()
        storm.figures.blows += 1
        workers[victim] = storm.watch(**ENGINE)
    storm.wait_until_settled()
    storm.stop(*workers)
    storm.figures.copies_allowed = storm.figures.blows * OF_ONE_PROCESS


def freezes(storm: Storm, number: int) -> None:
    """Stop a process for longer than its lease, and let the process go on."""
    storm.fill(number)
    workers = [storm.watch(delay=0.01, **ENGINE) for _ in range(3)]
    while storm.delivered() < number and not storm.is_over:
        seen = min(storm.delivered() + number // 8, number)
        storm.wait_until(lambda seen=seen: storm.delivered() >= seen)  # type: ignore[misc]
        victim = workers[storm.chance.randrange(len(workers))]
        victim.send_signal(signal.SIGSTOP)
        storm.figures.blows += 1
        time.sleep(ENGINE["LEASE_SECONDS"] + 1.5)
        victim.send_signal(signal.SIGCONT)
    storm.wait_until_settled()
    storm.stop(*workers)
    storm.figures.copies_allowed = storm.figures.blows * OF_ONE_PROCESS


def poison(storm: Storm, number: int) -> None:
    """Notifications that end, interrupt or cripple their process; cron goes on."""
    manners = ("exit", "interrupt", "close files", "exit")
    storm.fill(number, *manners)
    storm.figures.blows = len(manners)
    engine = {**ENGINE, "LEASE_SECONDS": 1}
    runs = 0
    while storm.delivered() < number - len(manners) and runs < 40 and not storm.is_over:
        storm.run(**engine)
        runs += 1
        time.sleep(1.1)  # the lease of rows that the run has left claimed
    for _ in range(2 * DEATHS):
        storm.run(**engine)
        time.sleep(1.1)
    deaths = storm.deaths.read_text().split() if storm.deaths.exists() else []
    for row in storm.rows():
        exits = deaths.count(row.key)
        if exits > DEATHS + 1:
            storm.problem(f"one was tried {exits} times")
        if row.status in {"SCHEDULED", "RETRY"} and row.key not in deaths:
            storm.problem("one that does no harm still waits")
    storm.figures.copies_allowed = len(deaths) * OF_ONE_PROCESS


def provider_away(storm: Storm, number: int) -> None:
    """The provider is away for five runs, then back: no attempt is lost, however few are due."""
    storm.fill(number)
    storm.away.touch()
    engine = {**ENGINE, "PAUSE_SECONDS": 1}
    for _ in range(5):
        storm.run(**engine)
        storm.figures.blows += 1
        time.sleep(1.1)
    counted = [row for row in storm.rows() if row.attempts]
    if counted:
        storm.problem(f"{len(counted)} lost an attempt while the provider was away")
    storm.away.unlink()
    while storm.delivered() < number and not storm.is_over:
        storm.run(**engine)
        time.sleep(1.1)


def database_away(storm: Storm, number: int) -> None:
    """Connections are cut off, or all tables are locked, while processes are at work."""
    storm.fill(number)
    workers = [storm.watch(**{**ENGINE, "LEASE_SECONDS": 10}) for _ in range(2)]
    while storm.delivered() < number and not storm.is_over:
        seen = min(storm.delivered() + number // 10, number)
        storm.wait_until(lambda seen=seen: storm.delivered() >= seen)  # type: ignore[misc]
        OUTAGES[TEST_DATABASE](storm.workers.environment["WORKERS_DATABASE"])
        storm.figures.blows += 1
    storm.wait_until_settled()
    storm.stop(*workers)
    storm.figures.copies_allowed = storm.figures.blows * len(workers) * OF_ONE_PROCESS


def clocks_apart(storm: Storm, number: int) -> None:
    """Hosts with clocks ten minutes apart share a queue, and a pause, without a copy."""
    storm.fill(number)
    engine = {**ENGINE, "PAUSE_SECONDS": 2, "LEASE_SECONDS": 10}
    workers = [storm.watch(clock=clock, **engine) for clock in (-600.0, 0.0, 600.0)]
    storm.wait_until(lambda: storm.delivered() >= number // 3)
    storm.away.touch()
    storm.figures.blows += 1
    time.sleep(2)
    storm.away.unlink()
    back = time.monotonic()
    so_far = storm.delivered()
    storm.wait_until(lambda: storm.delivered() > so_far)
    if (waited := time.monotonic() - back) > 15:
        storm.problem(f"a pause of 2 s took {waited:.0f} s")
    storm.wait_until_settled()
    storm.stop(*workers)


def _lock_sqlite(database: str) -> None:
    held = threading.Event()

    def hold() -> None:
        with closing(sqlite3.connect(database, timeout=30)) as link:
            link.execute("BEGIN EXCLUSIVE")
            held.set()
            time.sleep(2)
            link.rollback()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(30)
    holder.join()


def _end_mariadb(database: str) -> None:
    from tests.support.workers.sql import execute

    for (connection,) in execute(
        f"SELECT id FROM information_schema.processlist WHERE db = '{database}'"
    ):
        try:
            execute(f"KILL {connection}")
        except Exception as error:  # the process has ended by itself
            if error.args[:1] != (1094,):
                raise


OUTAGES: dict[str, Callable[[str], Any]] = {
    "sqlite": _lock_sqlite,
    "postgresql": end_connections,
    "mariadb": _end_mariadb,
}
#: By name: the scenario, and the number of notifications in the full and in the short form.
SCENARIOS: dict[str, tuple[Callable[[Storm, int], None], int, int]] = {
    "kills": (kills, 5000, 600),
    "freezes": (freezes, 3000, 400),
    "poison": (poison, 400, 60),
    "provider": (provider_away, 7, 3),
    "database": (database_away, 3000, 400),
    "clocks": (clocks_apart, 1500, 300),
}
