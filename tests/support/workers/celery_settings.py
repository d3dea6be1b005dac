"""The workers' project with Celery, as the tests' environment says."""

import json
import os
from typing import Any

from django_notification_system.contrib import celery
from tests.support.workers.settings import *  # noqa: F403
from tests.support.workers.settings import INSTALLED_APPS as WORKERS_APPS
from tests.support.workers.settings import NOTIFICATION_SYSTEM as WORKERS_ENGINE

INSTALLED_APPS = [*WORKERS_APPS, "django_notification_system.contrib.celery"]
NOTIFICATION_SYSTEM = {
    **WORKERS_ENGINE,
    "ENGINE": "django_notification_system.contrib.celery",
}
#: Other tests are on the same servers.
PREFIX = os.environ["CELERY_PREFIX"]


def route(*args: Any, **kwargs: Any) -> Any:
    routed = celery.route(*args, **kwargs)
    return routed and {"queue": PREFIX + routed["queue"]}


CELERY_BROKER_URL = os.environ["CELERY_BROKER"]
if CELERY_BROKER_URL.startswith("redis"):
    # After so many seconds a killed worker's message comes again; by default after an hour.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": PREFIX, "visibility_timeout": 5}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_ROUTES = (route,)
CELERY_TASK_DEFAULT_QUEUE = f"{PREFIX}celery"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_TASK_ALWAYS_EAGER = bool(os.environ.get("CELERY_EAGER"))
CELERY_BEAT_SCHEDULE = {
    "notifications": {
        "task": "django_notification_system.contrib.celery.tasks.hand_over_due",
        "schedule": float(json.loads(os.environ.get("CELERY_EVERY", "1"))),
    }
}
