"""A process that was stopped for longer than its lease sends nothing that others have sent."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from django_notification_system.testing.smtp import SmtpStandIn
from tests.support.runs import wait_until
from tests.support.workers.pool import Workers, migrated_workers

LEASE_SECONDS = 1
NUMBER = 60
#: How many a process has on the wire at once: ``connections`` of the email target.
CONNECTIONS = 4
ENGINE = {"LEASE_SECONDS": LEASE_SECONDS}
MAKE_MAIL = f"""
import django; django.setup()
from django.contrib.auth import get_user_model
from django.utils import timezone
from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
record = TargetUserRecord.objects.create(
    user=get_user_model().objects.create(username="bacon"),
    target=NotificationTarget.objects.get(name="Email"),
    target_user_id="bacon@example.com",
)
Notification.objects.bulk_create(
    Notification(
        target_user_record=record, title=f"number {{number}}", body="Breakfast.",
        status="SCHEDULED", scheduled_delivery=timezone.now(),
    )
    for number in range({NUMBER})
)
"""


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with migrated_workers(tmp_path_factory.mktemp("stopped")) as workers:
        yield workers


def overtake(
    workers: Workers, sent: Callable[[], int], overtaken: "subprocess.Popen[str]"
) -> tuple[int, int]:
    """Stop a process until another has sent the rest; return what was sent by then, and at last."""
    wait_until(lambda: sent() >= 10)
    os.kill(overtaken.pid, signal.SIGSTOP)
    try:
        time.sleep(LEASE_SECONDS + 0.3)
        another = workers.start(delay=0, **ENGINE)
        assert another.wait(120) == 0
        before = sent()
    finally:
        os.kill(overtaken.pid, signal.SIGCONT)
    _, errors = overtaken.communicate(timeout=120)
    assert overtaken.returncode == 0, errors
    assert workers.statuses() == {"DELIVERED": NUMBER}
    return before, sent()


def test_a_handler_of_ones_own_gets_no_more(workers: Workers) -> None:
    workers.python("-m", "tests.support.workers.fill", str(NUMBER))
    stopped = workers.start(delay=0.03, **ENGINE)
    before, at_last = overtake(workers, lambda: workers.deliveries().total(), stopped)
    assert before >= NUMBER
    assert at_last - before <= 1  # what it had on its way


def test_a_mail_that_waits_for_a_connection_is_not_sent_any_more(workers: Workers) -> None:
    workers.python(
        "-c",
        "import django; django.setup()\n"
        "from django_notification_system.models import Notification\n"
        "Notification.objects.all().delete()",
    )
    workers.python("-c", MAKE_MAIL)
    with SmtpStandIn() as server:
        server.answer("MESSAGE", delay=0.1)
        workers.environment["WORKERS_SMTP"] = f"{server.host}:{server.port}"
        stopped = workers.start(**ENGINE)
        before, at_last = overtake(workers, lambda: len(server.received), stopped)
    assert before >= NUMBER
    assert at_last - before <= CONNECTIONS
