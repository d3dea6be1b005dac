import os

INSTALLED_APPS += ["django_notification_system.contrib.prometheus"]

NOTIFICATION_SYSTEM_PROMETHEUS = {
    "TOKEN": os.environ["METRICS_TOKEN"],
    "FILE": "/var/lib/mysite/notifications.prom",
}
