INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django_notification_system",
    "django_notification_system.contrib.opentelemetry",
]
