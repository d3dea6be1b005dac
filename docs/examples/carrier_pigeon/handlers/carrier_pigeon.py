"""Sends by carrier pigeon: many notifications over one connection."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

import requests
from django.conf import settings
from django.utils import timezone

from django_notification_system.models import Notification
from django_notification_system.notification_handlers.base import (
    Outcome,
    TargetUnavailable,
    one_line,
)


def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    loft = settings.NOTIFICATION_SYSTEM_TARGETS["carrier_pigeon"]
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {loft['api_key']}"
        for notification in notifications:
            yield send(session, loft["base_url"], notification)


def send(session: requests.Session, base_url: str, notification: Notification) -> Outcome:
    flight = {
        "loft": notification.target_user_record.target_user_id,
        "message": f"{notification.title}: {notification.body}",
    }
    try:
        answer = session.post(f"{base_url}/flights", json=flight, timeout=10)
    except requests.ConnectTimeout as error:
        return Outcome.retry(notification, one_line(error))
    except requests.RequestException as error:
        # The request may have arrived: only the loft knows whether a pigeon has left.
        return Outcome.unknown(notification, one_line(error))
    if answer.status_code == 401:
        raise TargetUnavailable(
            "The loft refuses our key. Correct api_key in "
            "NOTIFICATION_SYSTEM_TARGETS['carrier_pigeon']."
        )
    if answer.status_code == 404:
        return Outcome.failed(notification, "There is no such loft.", deactivate_record=True)
    if not answer.ok:
        wait = int(answer.headers.get("Retry-After", 0))
        return Outcome.retry(
            notification,
            f"No pigeon flew: {answer.status_code} {answer.reason}",
            not_before=timezone.now() + timedelta(seconds=wait),
        )
    return Outcome.delivered(
        notification,
        "The pigeon is on its way!",
        provider_message_id=answer.json()["ring"],
    )
