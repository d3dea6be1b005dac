"""Shared by the tests of email."""

import time
from typing import Any

from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import Notification
from django_notification_system.testing.smtp import SmtpStandIn

SENT = "Email Successfully Sent"
EGGS = "eggs@example.com"


def configure(settings: Any, **values: Any) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"email": values}


def run() -> Run:
    """Run, to the end."""
    this = Run()
    for _ in this:
        pass
    return this


def after_run(notification: Notification) -> Notification:
    run()
    notification.refresh_from_db()
    return notification


def plain(text: str) -> str:
    """Return a part's text as before sending, whatever its line ends."""
    return text.replace("\r\n", "\n").removesuffix("\n")


def wait_until_closed(server: SmtpStandIn) -> None:
    deadline = time.monotonic() + 5
    while server.open_connections and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.open_connections == 0
