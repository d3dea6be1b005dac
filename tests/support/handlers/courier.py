"""A handler of a project's own that says all there is to say of its target."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.checks import CheckMessage, Warning  # noqa: A004 # Django's word

from django_notification_system.models import Notification
from django_notification_system.notification_handlers.base import (
    Draft,
    InvalidNotification,
    Outcome,
    Preview,
    Receipt,
    ReceiptResult,
    TargetSettings,
    read_settings,
    setting,
)
from django_notification_system.setting_rules import COUNT, MINUTES_TO_RECEIPT, TEXT, WEB_ADDRESS

RETRY_TIME_INTERVAL = 45
RECEIPTS_KEPT = timedelta(days=2)
FILES_IN_EXTRA = ("photo",)
DIRECTIONS_IN_EXTRA = ["witness"]
SAMPLE_ADDRESS = "sample tower"
MOST_CHARACTERS = 20

#: What went out: the tower, the address and ``extra``; tests clear it.
flown: list[tuple[int, str, Any]] = []


@dataclass(frozen=True, kw_only=True)
class Settings(TargetSettings):
    """The entry ``courier``."""

    api_key: str = setting("", TEXT, "The key.", repr=False)
    base_url: str = setting("https://loft.example.com", WEB_ADDRESS, "Where the loft is.")
    towers: int = setting(2, COUNT, "How many towers there are.")
    receipts_after: float = setting(30, MINUTES_TO_RECEIPT)
    timeout: float = 5


def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    settings = read_settings(Settings, "courier")
    for notification in notifications:
        address = notification.target_user_record.target_user_id
        flown.append((settings.towers, address, notification.extra))
        if notification.title == "hawk":
            yield Outcome.retry(notification, "A hawk was about.")
            continue
        yield Outcome.delivered(
            notification, "Cooed.", provider_message_id=notification.title, awaits_receipt=True
        )


def fetch_receipts(message_ids: Iterable[str]) -> Iterator[Receipt]:
    for message_id in message_ids:
        yield Receipt(message_id, "home", ReceiptResult.CONFIRMED)


def check() -> Iterator[CheckMessage]:
    if not read_settings(Settings, "courier").api_key:
        yield Warning("The loft has no key.", hint="Add api_key.", id="tests.W001")


def destination() -> str:
    return read_settings(Settings, "courier").base_url


def own_addresses(user: Any) -> Iterator[str]:
    if user.last_name:
        yield f"{user.last_name} tower"


def list_headers(notification: Notification) -> dict[str, str]:
    return {"Bell": f"ring twice against {notification.category}"}


def preview(notification: Notification, *, may_render: bool, with_text: bool) -> Preview:
    if notification.title == "hawk":
        raise RuntimeError("the hawk ate it")
    return Preview(
        "push",
        title=notification.title,
        text=f"{notification.body.upper()} ({'editor' if may_render else 'viewer'})",
        subtitle=notification.target_user_record.target_user_id,
    )


def validate(draft: Draft) -> None:
    if len(draft.body) > MOST_CHARACTERS:
        raise InvalidNotification(
            f"A pigeon carries at most {MOST_CHARACTERS} characters. Shorten body.", argument="body"
        )


def fault_of_address(address: str) -> str:
    return "" if address.endswith("tower") else f"is no tower: {address}"


def redirected_extra(extra: dict[str, Any], address: str) -> dict[str, Any]:
    return {"seed": extra.get("seed"), "was_for": address}
