"""The storm's project: the tests' workers, the storm's provider, and clocks that may be wrong."""

import os
from datetime import timedelta

from django.utils import timezone

from tests.support.workers.settings import *  # noqa: F403

NOTIFICATION_SYSTEM_HANDLERS = ["benchmarks.chaos.handlers"]

if _ahead := float(os.environ.get("STORM_CLOCK", "0")):
    _right = timezone.now
    # In this process alone; the database has another clock.
    timezone.now = lambda: _right() + timedelta(seconds=_ahead)
