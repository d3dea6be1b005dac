"""The workers' project with Django's Tasks as the engine; TASKS_BACKEND chooses the backend."""

import json
import os

import django

from tests.support.workers.settings import *  # noqa: F403
from tests.support.workers.settings import INSTALLED_APPS as WORKERS_APPS

INSTALLED_APPS = [*WORKERS_APPS, *([] if django.VERSION >= (6, 0) else ["django_tasks"])]
NOTIFICATION_SYSTEM = {
    "ENGINE": "django_notification_system.contrib.tasks",
    **json.loads(os.environ.get("WORKERS_ENGINE", "{}")),
}
#: All running tests share Redis: every test has queues of its own.
QUEUES = json.loads(os.environ["TASKS_QUEUES"])
if os.environ["TASKS_BACKEND"] == "rq":
    INSTALLED_APPS += ["django_rq"]
    HOST, PORT = json.loads(os.environ["TASKS_REDIS"])
    RQ_QUEUES = {queue: {"HOST": HOST, "PORT": PORT, "DB": 15} for queue in QUEUES}
    TASKS = {"default": {"BACKEND": "django_tasks_rq.RQBackend", "QUEUES": QUEUES}}
else:
    INSTALLED_APPS += ["django_tasks_db"]
    TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": QUEUES}}
