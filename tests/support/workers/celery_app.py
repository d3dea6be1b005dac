"""The Celery app of the workers' project, as Celery's own documentation tells Django projects."""

from celery import Celery

app = Celery("workers")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
