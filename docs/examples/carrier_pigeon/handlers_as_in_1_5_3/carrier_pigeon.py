"""Sends by carrier pigeon, written for release 1.5.3."""

import requests
from django.conf import settings
from django.utils import timezone

from ..utils import check_and_update_retry_attempts


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
    if not answer.ok:
        check_and_update_retry_attempts(notification)
        return f"No pigeon flew: {answer.status_code} {answer.reason}"
    notification.status = notification.DELIVERED
    notification.attempted_delivery = timezone.now()
    notification.save()
    return "The pigeon is on its way!"
