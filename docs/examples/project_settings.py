import os

INSTALLED_APPS += ["django_notification_system"]

NOTIFICATION_SYSTEM = {}  # the defaults
NOTIFICATION_SYSTEM_TARGETS = {
    "email": {"from_email": "notifications@example.com"},
    "twilio_sms": {
        "account_sid": os.environ.get("TWILIO_ACCOUNT_SID", ""),
        "auth_token": os.environ.get("TWILIO_AUTH_TOKEN", ""),
        "sender": "+15005550006",
    },
    "expo": {"access_token": os.environ.get("EXPO_ACCESS_TOKEN")},
}
NOTIFICATION_SYSTEM_HANDLERS = []  # folders with handlers of your own
