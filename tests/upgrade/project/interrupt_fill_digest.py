"""Runs ``migrate`` and dies in the middle of 0004, as if the machine had been switched off."""

import importlib
import itertools
import os

import django
from django.core.management import call_command

django.setup()

fill_digest = importlib.import_module("django_notification_system.migrations.0004_fill_digest")
make_digest = fill_digest.notification_digest
calls = itertools.count(1)


def make_some_digests(*arguments):
    if next(calls) > 50:
        os._exit(0)  # no cleanup, no rollback of our own
    return make_digest(*arguments)


fill_digest.BATCH_SIZE = 20
fill_digest.notification_digest = make_some_digests
call_command("migrate", verbosity=0)
raise SystemExit("0004 was not interrupted.")
