"""The settings of one project, read by release 1.5.3 first and by this one after it."""

import json
import os

import django

SECRET_KEY = "only for the tests"
USE_TZ = True
TIME_ZONE = "Europe/Berlin"
DATABASES = {"default": json.loads(os.environ["UPGRADE_DATABASE"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    # The only spelling that 1.5.3 starts with on Django 4.1 and later.
    "django_notification_system.Config",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
#: Without a stand-in, nobody listens there.
MAIL_PORT = int(os.environ.get("UPGRADE_MAIL_PORT", "9"))
PROVIDERS_URL = os.environ.get("UPGRADE_PROVIDERS_URL", "http://127.0.0.1:9")
if django.VERSION >= (6, 1):
    MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {"host": "127.0.0.1", "port": MAIL_PORT},
        }
    }
else:
    EMAIL_HOST = "127.0.0.1"
    EMAIL_PORT = MAIL_PORT
NOTIFICATION_SYSTEM_TARGETS = {
    "email": {"from_email": "noreply@example.com"},
    "twilio_sms": {
        "account_sid": "AC00000000000000000000000000000000",
        "auth_token": "secret",
        "sender": "+15005550006",
        "base_url": PROVIDERS_URL,
    },
    "expo": {"base_url": PROVIDERS_URL},
}
