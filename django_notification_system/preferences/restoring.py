"""Stopped notifications that wait again, once a no, an opt-out or a suppression is lifted.

Only those that nothing else forbids: a person who is notified again may still have said no to a
category, and an address may be suppressed.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from typing import Any

from django.utils import timezone

from ..batches import by_key
from ..models import Notification
from ..models.notification_queryset import NotificationQuerySet
from ..models.opted_out import opted_out_rows
from .lookup import refusals

#: How many notifications are read at once.
READ_AT_ONCE = 1000
STOPPED = (Notification.OPTED_OUT, Notification.INACTIVE_DEVICE)
#: The columns that decide, beside the target's.
COLUMNS = ("category", "target_user_record__user_id", "target_user_record__target_user_id")


def restore_after_opt_outs(
    sender: Any, user_ids: Collection[Any], using: str, **kwargs: Any
) -> None:
    """Schedule again what an opt-out stopped; receives ``opt_outs_lifted``.

    Args:
        sender: ``NotificationOptOut``.
        user_ids: The users' keys.
        using: The database's alias.
        kwargs: Further arguments of Django's signals.
    """
    rows = Notification.objects.using(using).filter(
        status=Notification.OPTED_OUT, target_user_record__user__in=user_ids
    )
    restore(rows, using=using)


def restore(stopped: NotificationQuerySet, *, using: str) -> None:
    """Schedule stopped notifications again, as new or for their next attempt.

    Notifications whose time has passed stay as they are: they would come too late. Notifications
    for an inactive record stay too, and those that a word or a suppression still forbids.

    Args:
        stopped: The notifications.
        using: The database's alias.
    """
    rows = stopped.filter(
        scheduled_delivery__gt=timezone.now(), target_user_record__active=True
    ).exclude(opted_out_rows())
    for batch in _batches(rows):
        # No table is joined: PostgreSQL evaluates a subquery not again after a wait for a row, and
        # a notification delivered meanwhile stays delivered.
        _schedule_again(
            Notification.objects.using(using).filter(
                status__in=STOPPED, pk__in=_allowed(batch, using=using)
            )
        )


def _batches(rows: NotificationQuerySet) -> Iterator[list[Notification]]:
    rows = rows.select_related("target_user_record__target").only(
        *COLUMNS, "target_user_record__target__notification_module_name"
    )
    yield from by_key(rows, READ_AT_ONCE)


def _allowed(batch: Iterable[Notification], *, using: str) -> list[uuid.UUID]:
    def module_name(notification: Notification) -> str:
        return notification.target_user_record.target.notification_module_name

    allowed: list[uuid.UUID] = []
    for _name, of_target in groupby(sorted(batch, key=module_name), module_name):
        rows = list(of_target)
        refused = refusals(rows, rows[0].target_user_record.target, using=using)
        allowed += [row.pk for row in rows if row.pk not in refused]
    return allowed


def _schedule_again(rows: NotificationQuerySet) -> None:
    # Nothing is stopped any more, and the response said why.
    values = {"response": "", "modified_date": timezone.now()}
    attempted = rows.filter(attempted_delivery__isnull=False)
    attempted.update(status=Notification.RETRY, **values)
    rows.filter(attempted_delivery__isnull=True).update(status=Notification.SCHEDULED, **values)
