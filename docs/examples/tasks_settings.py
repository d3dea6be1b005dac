INSTALLED_APPS += ["django_tasks_db"]
TASKS = {
    "default": {
        "BACKEND": "django_tasks_db.DatabaseBackend",
        "QUEUES": ["default", "mail"],
    },
}
NOTIFICATION_SYSTEM |= {
    "ENGINE": "django_notification_system.contrib.tasks",
    "TASK_QUEUES": {"email": "mail"},
}
