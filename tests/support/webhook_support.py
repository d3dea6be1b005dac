"""Shared by the tests of webhooks."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from django_notification_system.models import NotificationTarget, TargetUserRecord
from django_notification_system.testing.webhook_receiver import WebhookReceiver

SECRET = "whsec_" + "cGxhbnRlZC1zZWNyZXQtb2YtdGhlLXJlY2VpdmVy"


def configure(settings: Any, **changes: Any) -> None:
    """Change the target's settings; private networks are allowed unless a test says otherwise."""
    targets = getattr(settings, "NOTIFICATION_SYSTEM_TARGETS", {})
    values = {"allow_private": True, "timeout": 20, **targets.get("webhook", {}), **changes}
    settings.NOTIFICATION_SYSTEM_TARGETS = {**targets, "webhook": values}


def record_of(user: Any, target: NotificationTarget, receiver: WebhookReceiver) -> TargetUserRecord:
    """Return a new record of a receiver."""
    return TargetUserRecord.objects.create(
        user=user,
        target=target,
        target_user_id=receiver.address,
        details=receiver.details,
        description="A receiver",
    )


def answer_names(monkeypatch: pytest.MonkeyPatch, answers: Callable[[str], list[str]]) -> list[str]:
    """Answer for the system's resolver; return the list of the names that were asked for."""
    asked: list[str] = []
    resolve = socket.getaddrinfo

    def getaddrinfo(host: str, port: Any, *arguments: Any, **options: Any) -> Any:
        asked.append(host)
        found = answers(host)
        return [
            place for address in found for place in resolve(address, port, type=socket.SOCK_STREAM)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked
