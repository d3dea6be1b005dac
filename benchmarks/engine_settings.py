"""The benchmarks' project with the task engine named by BENCHMARK_ENGINE."""

import os

import django

from benchmarks.settings import *  # noqa: F403
from benchmarks.settings import INSTALLED_APPS as APPS

INSTALLED_APPS = [*APPS, *([] if django.VERSION >= (6, 0) else ["django_tasks"])]
NOTIFICATION_SYSTEM = {"DISPATCH": "on_commit"}
#: Other programs use the same Redis.
QUEUE = "benchmark"
REDIS_DATABASE = 14
engine = os.environ["BENCHMARK_ENGINE"]
if engine == "celery":
    NOTIFICATION_SYSTEM["ENGINE"] = "django_notification_system.contrib.celery"
    INSTALLED_APPS.append("django_notification_system.contrib.celery")
    CELERY_BROKER_URL = f"redis://127.0.0.1:6379/{REDIS_DATABASE}"
    CELERY_TASK_DEFAULT_QUEUE = QUEUE
else:
    NOTIFICATION_SYSTEM["ENGINE"] = "django_notification_system.contrib.tasks"
    if engine == "rq":
        INSTALLED_APPS.append("django_rq")
        RQ_QUEUES = {QUEUE: {"HOST": "127.0.0.1", "PORT": 6379, "DB": REDIS_DATABASE}}
        TASKS = {"default": {"BACKEND": "django_tasks_rq.RQBackend", "QUEUES": [QUEUE]}}
    else:
        INSTALLED_APPS.append("django_tasks_db")
        TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
