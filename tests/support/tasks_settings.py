"""Settings of projects whose task engine is Django's Tasks."""

import django

from django_notification_system.contrib import tasks

PACKAGE = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"
IMMEDIATE = {"default": {"BACKEND": f"{PACKAGE}.backends.immediate.ImmediateBackend"}}
ENGINE = {"ENGINE": tasks.__name__, "DISPATCH": "on_commit"}
