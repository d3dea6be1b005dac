"""The site's public key, for browsers."""

import logging

from ...exceptions import TargetUnavailable
from ...notification_handlers.webpush.settings import webpush_settings
from ...notification_handlers.webpush.vapid import NotAVapidKey, public_key_of

logger = logging.getLogger("django_notification_system")


def public_key() -> str:
    """Return the key; an empty text, and a line in the log, where the settings have none."""
    try:
        return public_key_of(webpush_settings().vapid_private_key)
    except (TargetUnavailable, NotAVapidKey):
        # Without the error's text: the system check E021 says it, and a page must not fail.
        logger.error("Web Push: vapid_private_key is missing or wrong; run manage.py check.")
        return ""
