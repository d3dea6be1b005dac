"""The project for the tests; TEST_DATABASE chooses the database."""

import os

import django

from tests.databases import DATABASES as KNOWN_DATABASES
from tests.databases import UNSAFE_AND_FAST, use_pymysql

TEST_DATABASE = os.environ.get("TEST_DATABASE", "sqlite")
if TEST_DATABASE == "mariadb":
    use_pymysql()

SECRET_KEY = "only for the tests"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = True
DATABASES = {
    "default": {
        **KNOWN_DATABASES[TEST_DATABASE],
        "OPTIONS": {
            **KNOWN_DATABASES[TEST_DATABASE].get("OPTIONS", {}),
            **UNSAFE_AND_FAST.get(TEST_DATABASE, {}),
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_notification_system",
    "django_notification_system.contrib.inbox",
    "tests.support.shop",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "tests.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [os.path.join(os.path.dirname(__file__), "templates")],
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
STATIC_URL = "static/"
if django.VERSION >= (6, 1):
    # Without MAILERS, Django warns about the default mailer's end in later versions.
    MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
