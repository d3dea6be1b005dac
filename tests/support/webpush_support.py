"""Shared by the tests of Web Push."""

import ssl
from typing import Any

import pytest
import urllib3.util.connection

from django_notification_system.models import NotificationTarget, TargetUserRecord
from django_notification_system.notification_handlers.http import deadline as http_deadline
from django_notification_system.notification_handlers.webpush.vapid import make_private_key
from django_notification_system.testing.push_service import Browser, PushServiceStandIn
from tests.support.provider_support import change_target

PRIVATE_KEY = make_private_key()
SUBJECT = "mailto:kitchen@example.com"


def use_push_service(settings: Any, stand_in: PushServiceStandIn, **changes: Any) -> None:
    """Point the target to a stand-in."""
    targets = getattr(settings, "NOTIFICATION_SYSTEM_TARGETS", {})
    settings.NOTIFICATION_SYSTEM_TARGETS = {
        **targets,
        "webpush": {
            "vapid_private_key": PRIVATE_KEY,
            "subject": SUBJECT,
            "stand_in_url": stand_in.url,
            "timeout": 20,
            **changes,
        },
    }


def configure(settings: Any, **changes: Any) -> None:
    """Change the target's settings."""
    change_target(settings, "webpush", changes)


def record_of(user: Any, target: NotificationTarget, browser: Browser) -> TargetUserRecord:
    """Return a new record of a browser."""
    return TargetUserRecord.objects.create(
        user=user,
        target=target,
        target_user_id=browser.address,
        details=browser.details,
        description="A browser",
    )


def speak_tls(stand_in: PushServiceStandIn, context: ssl.SSLContext) -> None:
    """Let a stand-in that listens speak TLS from now on."""
    server = stand_in._server
    assert server is not None
    server.socket = context.wrap_socket(server.socket, server_side=True)


def go_to_port(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """Let connections to port 443 of any host go to a port of this machine."""
    connect = urllib3.util.connection.create_connection

    def connect_here(address: tuple[str, int], *arguments: Any, **options: Any) -> Any:
        assert address[1] == 443
        return connect(("127.0.0.1", port), *arguments, **options)

    monkeypatch.setattr(urllib3.util.connection, "create_connection", connect_here)
    monkeypatch.setattr(http_deadline, "resolve", lambda *arguments, **options: ["127.0.0.1"])
