"""Sends by carrier pigeon, one notification at a time."""

import requests
from django.conf import settings

from django_notification_system.notification_handlers.base import Outcome


def send_notification(notification):
    loft = settings.NOTIFICATION_SYSTEM_TARGETS["carrier_pigeon"]
    answer = requests.post(
        f"{loft['base_url']}/flights",
        json={
            "loft": notification.target_user_record.target_user_id,
            "message": f"{notification.title}: {notification.body}",
        },
        headers={"Authorization": f"Bearer {loft['api_key']}"},
        timeout=10,
    )
    if answer.status_code == 404:
        return Outcome.failed(notification, "There is no such loft.", deactivate_record=True)
    if not answer.ok:
        return Outcome.retry(notification, f"No pigeon flew: {answer.status_code} {answer.reason}")
    return Outcome.delivered(notification, "The pigeon is on its way!")
