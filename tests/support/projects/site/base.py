"""What the small projects have in common; each other module here is one project's settings."""

import json
import os

import django

from tests.databases import use_pymysql

use_pymysql()

SECRET_KEY = "only for the tests"
USE_TZ = True
TIME_ZONE = "UTC"
DATABASES = json.loads(os.environ["PROJECT_DATABASES"])
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "urls"
STATIC_URL = "static/"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django_notification_system",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
MAIL_PORT = int(os.environ["PROJECT_MAIL_PORT"])
PROVIDERS_URL = os.environ["PROJECT_PROVIDERS_URL"]
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
