"""The settings of the example project: the notification system's first, then Django's own."""

import os
from pathlib import Path

import django

# --- What the notification system needs -----------------------------------------------------

INSTALLED_APPS = [
    "django_notification_system",
    "django_notification_system.contrib.inbox",
    "project",  # for its notification_types.py
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]

# Where the mail server and the two providers are. demo.py starts stand-ins on this machine and
# says here where they listen; `python -m django_notification_system.testing` starts them where
# the defaults are. A real project needs no base_url, and reads its secrets from the environment.
MAIL_PORT = int(os.environ.get("EXAMPLE_MAIL_PORT", "1025"))
PROVIDERS_URL = os.environ.get("EXAMPLE_PROVIDERS_URL", "http://127.0.0.1:8025")

NOTIFICATION_SYSTEM_TARGETS = {
    "email": {"from_email": "notifications@example.com"},
    "twilio_sms": {
        "account_sid": "AC00000000000000000000000000000000",
        "auth_token": "a stand-in takes any token",
        "sender": "+15005550006",
        "base_url": PROVIDERS_URL,
    },
    "expo": {"base_url": PROVIDERS_URL},
}

# The address of the site, for the link with which a newsletter's reader unsubscribes.
NOTIFICATION_SYSTEM = {"BASE_URL": "http://127.0.0.1:8000"}

# Mail goes out as Django is told to send it: since 6.1 in one setting, before that in several.
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

# --- What every Django project has ----------------------------------------------------------

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "only for this example, which nobody but you can reach"
DEBUG = True  # not in a real project: it shows the code to whoever meets an error
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
DATABASE = BASE_DIR / os.environ.get("EXAMPLE_DATABASE", "db.sqlite3")
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATABASE}}
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
ROOT_URLCONF = "project.urls"
LOGIN_URL = "admin:login"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],  # base.html, with the bell
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
