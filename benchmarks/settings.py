"""The project of the benchmarks that start real commands; see ``benchmarks/project.py``."""

import json
import os

from tests.databases import use_pymysql

DATABASES = {"default": json.loads(os.environ["BENCHMARK_DATABASE"])}
if DATABASES["default"]["ENGINE"].endswith("mysql"):
    use_pymysql()
_sink = os.environ.get("BENCHMARK_SINK_HOST", "127.0.0.1")
_smtp_port, _http_port = json.loads(os.environ["BENCHMARK_SINK"])

SECRET_KEY = "only for the benchmark"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django_notification_system",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DEFAULT_FROM_EMAIL = "noreply@example.com"
EMAIL_HOST = _sink
EMAIL_PORT = _smtp_port
NOTIFICATION_SYSTEM_TARGETS = {
    "email": {"from_email": DEFAULT_FROM_EMAIL},
    "expo": {"base_url": f"http://{_sink}:{_http_port}"},
}

if os.environ.get("BENCHMARK_INBOX"):
    INSTALLED_APPS.append("django_notification_system.contrib.inbox")

if _broker := os.environ.get("BENCHMARK_BROKER"):
    INSTALLED_APPS.append("django_notification_system.contrib.celery")
    CELERY_BROKER_URL = _broker
    # Other programs use the same broker.
    CELERY_TASK_DEFAULT_QUEUE = os.environ["BENCHMARK_QUEUE"]
    CELERY_WORKER_PREFETCH_MULTIPLIER = 1
