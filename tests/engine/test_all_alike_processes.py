"""Verdicts that are held: no other process and no death makes them count."""

import signal
import time
from pathlib import Path

from tests.support.workers.pool import Workers, migrated_workers
from tests.support.workers.sql import execute

NUMBER = 60
FILL = f"""
import django
django.setup()
from django.contrib.auth import get_user_model
from django.utils import timezone
from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
target = NotificationTarget.objects.create(name="Wary", notification_module_name="wary")
for number in range({NUMBER}):
    user = get_user_model().objects.create(username=f"person-{{number}}")
    record = TargetUserRecord.objects.create(
        user=user, target=target, target_user_id=str(number), description="One of many"
    )
    Notification.objects.create(
        target_user_record=record, title="Hello", status=Notification.SCHEDULED,
        scheduled_delivery=timezone.now(), retry_time_interval=60,
    )
"""


def off(workers: Workers) -> int:
    [(number,)] = _execute(
        workers, "SELECT COUNT(*) FROM notification_system_target_user_record WHERE NOT active"
    )
    return int(number)


def _execute(workers: Workers, statement: str) -> list[tuple[int]]:
    database = workers.environment["WORKERS_DATABASE"]
    return execute(statement, database=database, server=workers.server)


def test_neither_a_death_nor_two_runs_at_once_switch_records_off(tmp_path: Path) -> None:
    with migrated_workers(tmp_path) as workers:
        workers.python("-c", FILL)
        dying = workers.start(delay=60)
        while not workers.deliveries():  # the first verdict is held now
            assert dying.poll() is None
            time.sleep(0.01)
        dying.send_signal(signal.SIGKILL)
        dying.wait()
        assert off(workers) == 0
        assert workers.statuses() == {"SCHEDULED+claimed": NUMBER}
        _execute(
            workers,
            "UPDATE notification_system_notification SET claimed_until = '2001-01-01 00:00:00'",
        )
        # Claims of 25: each of both runs may find twenty, or what the other has left.
        both = [workers.start(delay=0.01, BATCH_SIZE=25) for _ in range(2)]
        for worker in both:
            _, errors = worker.communicate(timeout=300)
            assert worker.returncode == 0
            assert "all refused alike, and no record was switched off" in errors
        workers.start(BATCH_SIZE=25).communicate(timeout=300)
        assert off(workers) == 0
        # The dead run's claims end with their lease, and leave a mark until the next claim. An
        # hour lies between two attempts: on a busy machine the runs follow each other, and three
        # attempts without an interval would be the end of a message.
        assert workers.statuses().keys() <= {"RETRY", "SCHEDULED", "SCHEDULED+claimed"}
