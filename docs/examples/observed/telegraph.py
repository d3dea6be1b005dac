"""Sends telegrams over one line that stays open, and says how long each takes."""

import socket
from collections.abc import Iterable, Iterator

from django.conf import settings

from django_notification_system.models import Notification
from django_notification_system.notification_handlers.base import Outcome, provider_call


def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    options = settings.NOTIFICATION_SYSTEM_TARGETS["telegraph"]
    address = (options["host"], options["port"])
    with socket.create_connection(address, timeout=10) as line, line.makefile("rw") as wire:
        for notification in notifications:
            with provider_call("telegraph", [notification], options["host"]) as call:
                print(notification.title, file=wire, flush=True)
                answer = wire.readline().strip()
                if answer != "STOP":
                    call.fail("not acknowledged")
            if answer == "STOP":
                yield Outcome.delivered(notification, "Telegraphed.")
            else:
                yield Outcome.unknown(notification, "The other side did not acknowledge it.")
