NOTIFICATION_SYSTEM |= {
    "ENGINE": "django_notification_system.contrib.tasks",
    "DISPATCH": "on_commit",
}
