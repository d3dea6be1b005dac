"""A project's own settings with this app added, a scratch database, and mail kept in memory.

``REAL_SETTINGS`` names the project's settings; ``REAL_DATABASE`` is the database as JSON.
"""

import importlib
import json
import os

own = importlib.import_module(os.environ["REAL_SETTINGS"])
globals().update({name: value for name, value in vars(own).items() if name.isupper()})

APP = "django_notification_system"
INSTALLED_APPS = [*(app for app in own.INSTALLED_APPS if app != APP), APP]
DATABASES = {"default": json.loads(os.environ["REAL_DATABASE"])}
ALLOWED_HOSTS = ["*"]
SECURE_SSL_REDIRECT = False
IN_MEMORY = "django.core.mail.backends.locmem.EmailBackend"
if hasattr(own, "MAILERS"):
    MAILERS = {"default": {"BACKEND": IN_MEMORY}}
else:
    EMAIL_BACKEND = IN_MEMORY
# No project here has collected its static files.
PLAIN = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
FILES = {"BACKEND": "django.core.files.storage.FileSystemStorage"}
STORAGES = {**getattr(own, "STORAGES", {"default": FILES}), "staticfiles": PLAIN}
