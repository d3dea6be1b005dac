"""The workers' project: the tests' settings, another database, a handler that keeps a list."""

import json
import os
from importlib import import_module

import django

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES as TEST_DATABASES

DATABASES = {"default": {**TEST_DATABASES["default"], "NAME": os.environ["WORKERS_DATABASE"]}}
if "sqlite3" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["OPTIONS"] = {**DATABASES["default"]["OPTIONS"], "timeout": 20}
NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.workers.handlers"]
NOTIFICATION_SYSTEM = json.loads(os.environ.get("WORKERS_ENGINE", "{}"))
# A test of what happens after a time limit need not wait for all of it.
for place, seconds in json.loads(os.environ.get("WORKERS_LIMITS", "{}")).items():
    module, _, name = place.rpartition(".")
    setattr(import_module(f"django_notification_system.{module}"), name, seconds)
if server := os.environ.get("WORKERS_SMTP"):
    host, _, port = server.rpartition(":")
    if django.VERSION >= (6, 1):
        OPTIONS = {"host": host, "port": int(port), "timeout": 10}
        BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        MAILERS = {"default": {"BACKEND": BACKEND, "OPTIONS": OPTIONS}}
    else:
        EMAIL_HOST, EMAIL_PORT, EMAIL_TIMEOUT = host, int(port), 10
