import django

INSTALLED_APPS += ["django_notification_system"]

if django.VERSION >= (6, 1):
    MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {"host": "127.0.0.1", "port": 1025},
        }
    }
else:
    EMAIL_HOST = "127.0.0.1"
    EMAIL_PORT = 1025

NOTIFICATION_SYSTEM = {}
NOTIFICATION_SYSTEM_TARGETS = {
    "email": {"from_email": "notifications@example.com"},
    "twilio_sms": {
        "base_url": "http://127.0.0.1:8025",
        "account_sid": "AC0",
        "auth_token": "any",
        "sender": "+15005550006",
    },
    "expo": {"base_url": "http://127.0.0.1:8025"},
}
NOTIFICATION_SYSTEM_HANDLERS = []
