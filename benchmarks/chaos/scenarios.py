"""The scenarios: a scenario breaks one thing again and again, and allows so many copies."""

import resource
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any

from tests.settings import TEST_DATABASE
from tests.support.workers.pool import end_connections

from .storm import RECORD_EVERY, Storm

#: Copies that the end of a process may cost: the message on its way, and unrecorded outcomes.
OF_ONE_PROCESS = 1 + RECORD_EVERY
ENGINE: dict[str, Any] = {"LEASE_SECONDS": 2, "BATCH_SIZE": 100, "RECORD_EVERY": RECORD_EVERY}
#: For scenarios whose blows fall by chance: MAX_INTERRUPTIONS is there for a row that ends its
#: processes, and chance may end three processes that have the same row. More than any scenario has
#: blows, so that such a row is delivered; ``poison`` proves the default.
BY_CHANCE: dict[str, Any] = {**ENGINE, "MAX_INTERRUPTIONS": 50}
#: How many processes a notification may end, by default.
DEATHS = 3
#: Copies that a notification's first, second and last death may cost: a batch that died is taken
#: again by ten rows, the square root of BATCH_SIZE, and those ten one by one.
OF_DEATHS = (OF_ONE_PROCESS, 10, 1)


def kills(storm: Storm, number: int) -> None:
    """Kill -9, again and again, in a quarter of the cases during the start."""
    storm.fill(number)
    workers = [storm.watch(**BY_CHANCE) for _ in range(4)]
    while storm.delivered() < number and not storm.is_over:
        seen = min(storm.delivered() + number // 15, number)
        storm.wait_until(lambda seen=seen: storm.delivered() >= seen)  # type: ignore[misc]
        victim = storm.chance.randrange(len(workers))
        workers[victim].kill()
        workers[victim].communicate()
        storm.figures.blows += 1
        workers[victim] = storm.watch(**BY_CHANCE)
    storm.wait_until_settled()
    storm.stop(*workers)
    storm.figures.copies_allowed = storm.figures.blows * OF_ONE_PROCESS


def freezes(storm: Storm, number: int) -> None:
    """Stop a process for longer than its lease, and let the process go on."""
    storm.fill(number)
    workers = [storm.watch(delay=0.01, **BY_CHANCE) for _ in range(3)]
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
    """Notifications that end, interrupt or cripple their process; cron goes on.

    An interrupt is an outcome as any exception is, and ends no process.
    """
    manners = ("exit", "interrupt", "close files", "exit")
    storm.fill(number, *manners)
    storm.figures.blows = len(manners)
    engine = {**ENGINE, "LEASE_SECONDS": 1}
    runs = 0
    while storm.delivered() < number - len(manners) and runs < 40 and not storm.is_over:
        storm.run(**engine)
        runs += 1
        storm.outlive_leases(1.1)
    for _ in range(2 * DEATHS):
        storm.run(**engine)
        storm.outlive_leases(1.1)
    lines = storm.deaths.read_text().splitlines() if storm.deaths.exists() else []
    tries = Counter(line.split(maxsplit=1)[0] for line in lines)
    for row in storm.rows():
        if tries[row.key] > DEATHS:
            storm.problem(f"one was tried {tries[row.key]} times")
        if row.status in {"SCHEDULED", "RETRY"} and row.key not in tries:
            storm.problem("one that does no harm still waits")
    deaths = Counter(line.split()[0] for line in lines if not line.endswith(" interrupt"))
    storm.figures.copies_allowed = sum(sum(OF_DEATHS[:number]) for number in deaths.values())


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
    """Connections are cut off, or all tables are locked, while processes are at work.

    No process ends, and each records after the outage what it had sent: no copy is allowed.
    """
    # Started before the program that fills the table: a process that starts on a full disk ends.
    workers = [storm.watch(**{**BY_CHANCE, "LEASE_SECONDS": 10}) for _ in range(2)]
    storm.fill(number)
    while storm.delivered() < number and not storm.is_over:
        seen = min(storm.delivered() + number // 10, number)
        storm.wait_until(lambda seen=seen: storm.delivered() >= seen)  # type: ignore[misc]
        OUTAGES[TEST_DATABASE](storm.workers.environment["WORKERS_DATABASE"])
        storm.figures.blows += 1
    storm.wait_until_settled()
    storm.stop(*workers)


def disk_full(storm: Storm, number: int) -> None:
    """The disk takes no more of the database's file for a while: no copy is allowed.

    A limit on the size of the processes' files, so that the machine's disk need not be full.
    """
    # Started before the program that fills the table: a process that starts on a full disk ends.
    workers = [storm.watch(**{**BY_CHANCE, "LEASE_SECONDS": 10}) for _ in range(2)]
    storm.fill(number)
    while storm.delivered() < number and not storm.is_over:
        seen = min(storm.delivered() + number // 10, number)
        storm.wait_until(lambda seen=seen: storm.delivered() >= seen)  # type: ignore[misc]
        _limit_files(workers, FULL_AT_BYTES)
        storm.figures.blows += 1
        time.sleep(2)
        _limit_files(workers, resource.RLIM_INFINITY)
    storm.wait_until_settled()
    storm.stop(*workers)


def _limit_files(processes: Iterable[Any], size: int) -> None:
    for process in processes:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


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
    # By another host's clock it would take ten minutes.
    if (waited := time.monotonic() - back) > 60:
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
#: Less than the database has, and more than the file of the storm's provider.
FULL_AT_BYTES = 200_000
#: By name: the scenario, and the number of notifications in the full and in the short form.
SCENARIOS: dict[str, tuple[Callable[[Storm, int], None], int, int]] = {
    "kills": (kills, 5000, 600),
    "freezes": (freezes, 3000, 400),
    "poison": (poison, 400, 60),
    "provider": (provider_away, 7, 3),
    "database": (database_away, 3000, 400),
    "clocks": (clocks_apart, 1500, 300),
}
if TEST_DATABASE == "sqlite":
    # A server's files belong to another user.
    SCENARIOS["disk"] = (disk_full, 3000, 400)
