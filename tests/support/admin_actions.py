"""The admin's actions, as a person asks for them and confirms them."""

from datetime import timedelta
from typing import Any

from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from django_notification_system.models import Notification, TargetUserRecord
from tests.conftest import MakeDue
from tests.support.admin_site import address

ACTIONS = {
    "send_now": "send_notification",
    "retry_failed": "retry_notification",
    "cancel": "cancel_notification",
    "reschedule": "reschedule_notification",
}
LATER = timedelta(days=1)


def ask(client: Client, action: str, *notifications: Notification, **data: Any) -> Any:
    keys = [notification.pk for notification in notifications]
    data = {"action": action, "_selected_action": keys, "index": 0, **data}
    return client.post(address(Notification), data)


def confirm(client: Client, action: str, *notifications: Notification, **data: Any) -> list[str]:
    keys = [notification.pk for notification in notifications]
    data = {"action": action, "_selected_action": keys, "confirmed": "yes", **data}
    response = client.post(address(Notification), data)
    assert response.status_code == 302
    return [str(message) for message in get_messages(response.wsgi_request)]


def failed(make_due: MakeDue, record: TargetUserRecord, **fields: Any) -> Notification:
    return make_due(
        record,
        **{
            "status": Notification.DELIVERY_FAILURE,
            "attempted_delivery": timezone.now() - LATER,
            "retry_attempts": 3,
            "response": "No such mailbox",
            **fields,
        },
    )


def row(notification: Notification) -> Notification:
    return Notification.objects.get(pk=notification.pk)
