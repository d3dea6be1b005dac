"""A queue of another package's, for ``import_queued_mail``: each group is a row."""

from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Q

from django_notification_system.operations.import_queued_mail import OtherQueue
from tests.support.mail_shapes import plain


def message(row: Group) -> Any:
    """Return the message of a row."""
    if row.name == "unreadable":
        return None
    if row.name == "broken":
        raise RuntimeError("no such file")
    if row.name == "impossible":
        return plain(subject="a\nb")
    return plain(subject=row.name, to=[] if row.name == "nobody" else ["ann@example.com"])


QUEUE = OtherQueue(
    name="groups",
    app_label="auth",
    model_name="Group",
    waiting=lambda: ~Q(name__startswith="done"),
    message=message,
    options=lambda row: {"priority": 6},
    finish=lambda rows, taken: rows.filter(pk__in=[row.pk for row in taken]).delete() and None,
)
