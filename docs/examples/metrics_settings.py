import os

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django_notification_system",
    "django_notification_system.contrib.prometheus",
]

NOTIFICATION_SYSTEM_PROMETHEUS = {
    "TOKEN": os.environ["METRICS_TOKEN"],
    "FILE": "/var/lib/mysite/notifications.prom",
}
