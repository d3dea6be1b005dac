"""Sends by carrier pigeon: many notifications over one connection."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import requests
from django.core.checks import CheckMessage, Error

from django_notification_system.models import Notification
from django_notification_system.notification_handlers.base import (
    Draft,
    InvalidNotification,
    Outcome,
    Preview,
    TargetSettings,
    TargetUnavailable,
    read_settings,
    setting,
)
from django_notification_system.notification_handlers.http import (
    open_session,
    outcome_of_status,
    outcome_without_answer,
)
from django_notification_system.setting_rules import SECONDS_TO_WAIT, TEXT, WEB_ADDRESS

KEY = "carrier_pigeon"
MOST_CHARACTERS = 20
#: Minutes from a failed attempt to the next, where notify() is given no interval: pigeons rest.
RETRY_TIME_INTERVAL = 60


@dataclass(frozen=True, kw_only=True)
class Settings(TargetSettings):
    """The entry "carrier_pigeon" of NOTIFICATION_SYSTEM_TARGETS."""

    api_key: str = setting("", TEXT, "The key that the loft gave you.", repr=False)
    base_url: str = setting("http://127.0.0.1:8026", WEB_ADDRESS, "Where the loft is.")
    timeout: float = setting(10, SECONDS_TO_WAIT, "Seconds to wait for the loft.")


def check() -> Iterator[CheckMessage]:
    if not read_settings(Settings, KEY).api_key:
        yield Error("The loft takes no flights without a key.", hint="Set api_key.", id="loft.E001")


def destination() -> str:
    return read_settings(Settings, KEY).base_url


def preview(notification: Notification, *, may_render: bool, with_text: bool) -> Preview:
    return Preview(text=message_of(notification))


def validate(draft: Draft) -> None:
    if len(draft.body) > MOST_CHARACTERS:
        raise InvalidNotification(
            f"A pigeon carries at most {MOST_CHARACTERS} characters. Shorten body.",
            argument="body",
        )


def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    loft = read_settings(Settings, KEY)
    with open_session(connections=1) as session:
        session.headers["Authorization"] = f"Bearer {loft.api_key}"
        for notification in notifications:
            yield send(session, loft, notification)


def message_of(notification: Notification) -> str:
    return f"{notification.title}: {notification.body}"


def send(session: requests.Session, loft: Settings, notification: Notification) -> Outcome:
    flight = {
        "loft": notification.target_user_record.target_user_id,
        "message": message_of(notification),
    }
    try:
        answer = session.post(f"{loft.base_url}/flights", json=flight, timeout=loft.timeout)
    except requests.RequestException as error:
        # Unknown where the request may have arrived: only the loft knows whether a pigeon has left.
        return outcome_without_answer(notification, error)
    if answer.status_code == 401:
        raise TargetUnavailable(
            "The loft refuses our key. Correct api_key in "
            "NOTIFICATION_SYSTEM_TARGETS['carrier_pigeon']."
        )
    if answer.status_code == 404:
        return Outcome.failed(notification, "There is no such loft.", deactivate_record=True)
    if not answer.ok:
        response = f"No pigeon flew: {answer.status_code} {answer.reason}"
        return outcome_of_status(notification, answer.status_code, response, answer.headers)
    return Outcome.delivered(
        notification,
        "The pigeon is on its way!",
        provider_message_id=answer.json()["ring"],
    )
