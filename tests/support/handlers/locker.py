"""A handler that sends nothing without a record's private details: the key of a locker."""

from collections.abc import Iterable, Iterator
from typing import Any

from django_notification_system.models import Notification
from django_notification_system.notification_handlers.base import Outcome

TARGET_NAME = "Parcel lockers"
ADDRESS_IN_DETAILS = True

#: Address and details of what was put into a locker; tests clear the list.
opened: list[tuple[str, Any]] = []


def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    for notification in notifications:
        record = notification.target_user_record
        opened.append((record.target_user_id, record.details))
        yield Outcome.delivered(notification, "In the locker.")
