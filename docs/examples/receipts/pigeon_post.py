"""Sends by pigeon post, which can be asked later what became of a letter."""

from collections.abc import Iterable, Iterator
from itertools import islice

import requests
from django.conf import settings

from django_notification_system.models import Notification
from django_notification_system.notification_handlers.base import (
    Outcome,
    Receipt,
    ReceiptResult,
    TargetUnavailable,
    one_line,
)


def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    for notification in notifications:
        letter = {"to": notification.target_user_record.target_user_id, "text": notification.body}
        ring = ask("letters", letter)["ring"]
        yield Outcome.delivered(
            notification, "Posted.", provider_message_id=ring, awaits_receipt=True
        )


def fetch_receipts(message_ids: Iterable[str]) -> Iterator[Receipt]:
    rings = iter(message_ids)
    while some := list(islice(rings, 100)):
        news = ask("news", {"rings": some})
        for ring in some:
            if ring not in news:
                continue  # it is still in the air: asked about again later
            if news[ring] == "home":
                yield Receipt(ring, "home", ReceiptResult.CONFIRMED)
            else:
                yield Receipt(ring, news[ring], ReceiptResult.FAILED, "The pigeon is lost.")


def ask(what: str, question: dict) -> dict:
    base_url = settings.NOTIFICATION_SYSTEM_TARGETS["pigeon_post"]["base_url"]
    try:
        answer = requests.post(f"{base_url}/{what}", json=question, timeout=10)
        answer.raise_for_status()
        return answer.json()
    except requests.RequestException as error:
        raise TargetUnavailable(one_line(error)) from error
