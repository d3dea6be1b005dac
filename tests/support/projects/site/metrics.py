"""A project whose metrics Prometheus scrapes."""

import json
import os

from base import *  # noqa: F403
from base import INSTALLED_APPS as APPS

INSTALLED_APPS = [*APPS, "django_notification_system.contrib.prometheus"]
NOTIFICATION_SYSTEM_PROMETHEUS = json.loads(os.environ.get("PROJECT_PROMETHEUS", "{}"))
