INSTALLED_APPS += ["django_notification_system.contrib.inbox"]
