"""Makes a push and an email that may not wait: ``python -m tests.support.workers.urgent``.

Prints as JSON the keys of both, and how many messages had gone out before.
"""

import json
import os
import sys
from pathlib import Path

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.utils import timezone  # noqa: E402

from django_notification_system.models import (  # noqa: E402
    Notification,
    NotificationTarget,
    TargetUserRecord,
)

PRIORITY = 9


def make(target: NotificationTarget, priority: int = 0) -> str:
    user = get_user_model().objects.get(username="egg")
    record, _ = TargetUserRecord.objects.get_or_create(
        user=user, target=target, target_user_id=target.name
    )
    made = Notification.objects.create(
        target_user_record=record,
        title="urgent",
        status=Notification.SCHEDULED,
        priority=priority,
        scheduled_delivery=timezone.now(),
    )
    return str(made.pk)


if __name__ == "__main__":
    email = NotificationTarget.objects.get(notification_module_name="spool")
    push = NotificationTarget.objects.get(notification_module_name="swift")
    spool = Path(os.environ["WORKERS_SPOOL"])
    before = len(spool.read_text().split()) if spool.exists() else 0
    json.dump([before, make(push), make(email, PRIORITY)], sys.stdout)
