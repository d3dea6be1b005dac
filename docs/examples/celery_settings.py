INSTALLED_APPS += ["django_notification_system.contrib.celery"]
NOTIFICATION_SYSTEM["ENGINE"] = "django_notification_system.contrib.celery"

CELERY_BEAT_SCHEDULE = {
    "hand over notifications": {
        "task": "django_notification_system.contrib.celery.tasks.hand_over_due",
        "schedule": 5,  # seconds
    },
    "fetch receipts": {
        "task": "django_notification_system.contrib.celery.tasks.fetch_receipts",
        "schedule": 300,
    },
}
CELERY_TASK_ROUTES = ["django_notification_system.contrib.celery.route"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
