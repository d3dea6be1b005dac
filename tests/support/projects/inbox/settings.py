"""A project with an inbox, served by uvicorn and by gunicorn."""

import json
import os

from tests.databases import use_pymysql

use_pymysql()

SECRET_KEY = "only for the tests"
USE_TZ = True
TIME_ZONE = "UTC"
DATABASES = json.loads(os.environ["PROJECT_DATABASES"])
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "urls"
STATIC_URL = "/static/"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_notification_system",
    "django_notification_system.contrib.inbox",
]
MIDDLEWARE = [
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
]
LOGIN_URL = "/log-in/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django_notification_system.contrib.inbox.context_processors.inbox",
            ]
        },
    }
]
NOTIFICATION_SYSTEM = json.loads(os.environ.get("PROJECT_OPTIONS", "{}"))
