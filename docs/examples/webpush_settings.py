import os

INSTALLED_APPS += ["django_notification_system.contrib.webpush"]

NOTIFICATION_SYSTEM_TARGETS["webpush"] = {
    "vapid_private_key": os.environ["VAPID_PRIVATE_KEY"],
    "subject": "mailto:admin@example.com",
}
