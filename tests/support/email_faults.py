"""Shared by the tests of email's table of faults."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from django_notification_system.models import TargetUserRecord
from django_notification_system.notification_handlers.email.faults import FAULTS
from django_notification_system.notification_handlers.faults import Verdict
from tests.conftest import MakeDue
from tests.support.email_support import configure, run
from tests.support.mail_backends import use_backend
from tests.support.provider_support import PATIENCE_SECONDS
from tests.support.rows import Proofs, rows_counted

#: How many seconds a test waits for a silent server. Replies before the silence have to come within
#: the same time, though the machine be busy.
TIMEOUT = 1.5
proves = Proofs(FAULTS, "tests.handlers.email")
#: By verdict: the status of a notification with retries left, where unknown means no retry.
STATUS = {
    Verdict.RETRY: "RETRY",
    Verdict.UNREACHABLE: "SCHEDULED",
    Verdict.OUT_OF_ORDER: "SCHEDULED",
    Verdict.BUSY: "SCHEDULED",
    Verdict.UNKNOWN: "DELIVERY FAILURE",
    Verdict.FAILED: "DELIVERY FAILURE",
    Verdict.HARD_BOUNCE: "DELIVERY FAILURE",
    Verdict.SENDER_DOUBTED: "SCHEDULED",
    Verdict.STOPS: "SCHEDULED",
}
Prove = Callable[..., None]


@pytest.fixture(autouse=True)
def at_most_once(settings: Any) -> None:
    """A message that surely did not go out is tried again all the same."""
    configure(settings, connections=1, when_unknown="fail")
    settings.NOTIFICATION_SYSTEM = {"HARD_BOUNCES": 3}


@pytest.fixture
def prove(email: TargetUserRecord, make_due: MakeDue, caplog: pytest.LogCaptureFixture) -> Prove:
    """A function that sends an email, and checks the fitting row and the outcome."""

    def prove(name: str, *, attempts: int = 1, **fields: Any) -> None:
        [fault] = [fault for fault in FAULTS if fault.name == name]
        notification = make_due(email, body="planted-body", **fields)
        with caplog.at_level(logging.DEBUG, logger="django_notification_system"):
            this = run()
        notification.refresh_from_db()
        assert rows_counted(caplog, "Email") == [name]
        assert notification.status == STATUS[fault.verdict]
        email.refresh_from_db()
        bounces = 1 if fault.verdict is Verdict.HARD_BOUNCE else 0
        assert (email.hard_bounces, email.active) == (bounces, True)
        stopped = STATUS[fault.verdict] == "SCHEDULED"
        assert notification.retry_attempts == (0 if stopped else attempts)
        assert bool(this.problems) is stopped
        said = this.problems["Email"] if stopped else notification.response
        assert said
        assert "planted-body" not in said + caplog.text

    return prove


def use_server(settings: Any, server: Any, **options: Any) -> None:
    use_backend(
        settings,
        **{"host": server.host, "port": server.port, "timeout": PATIENCE_SECONDS, **options},
    )
