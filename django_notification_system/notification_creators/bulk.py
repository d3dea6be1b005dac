"""Insert the notifications of a batch of users, every notification only once."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from ..draft import Draft
from ..models import Notification
from ..models.digest import notification_digest
from .draft import retry_fields

#: Servers refuse a larger statement: MariaDB's max_allowed_packet is 16 MiB by default.
#: https://mariadb.com/kb/en/server-system-variables/#max_allowed_packet
STATEMENT_SIZE = 4 * 1024 * 1024


def insert_notifications(
    draft: Draft,
    recipients: Sequence[tuple[uuid.UUID, uuid.UUID]],
    scheduled_delivery: datetime,
    *,
    using: str,
    intervals: Mapping[uuid.UUID, int | None],
) -> int:
    """Insert a notification for every record, unless the same notification exists.

    The database's unique constraint decides, so that two calls at once insert a notification once.

    Args:
        draft: The content.
        recipients: Pairs of keys: of the record, and of the record's target.
        scheduled_delivery: When the notifications are due.
        using: The database's alias; a transaction is open on the connection.
        intervals: The minutes between attempts that a target's module names, by the target's key.

    Returns:
        How many notifications were inserted.
    """
    retries = {
        target_id: retry_fields(draft, intervals.get(target_id))
        for target_id in {target_id for _, target_id in recipients}
    }
    notifications = [
        Notification(
            target_user_record_id=record_id,
            target_id=target_id,
            title=draft.title,
            body=draft.body,
            extra=draft.extra,
            status=Notification.SCHEDULED,
            scheduled_delivery=scheduled_delivery,
            expires_at=draft.expires_at,
            priority=draft.priority,
            **retries[target_id],
            idempotency_key=draft.idempotency_key,
        )
        for record_id, target_id in recipients
    ]
    for notification in notifications:
        notification.set_digest(
            notification_digest(
                notification.target_user_record_id,
                scheduled_delivery,
                draft.title,
                draft.extra,
                body=draft.body,
                idempotency_key=draft.idempotency_key,
            )
        )
    if draft.scheduled_delivery is not None and draft.idempotency_key is None:
        notifications = _without_those_made_otherwise(notifications, using=using)
    # Always in the same order, so that two calls at once wait for each other and never deadlock.
    notifications.sort(key=lambda notification: str(notification.digest))
    rows = Notification.objects.using(using)
    rows.bulk_create(
        notifications,
        batch_size=max(1, STATEMENT_SIZE // draft.size),
        ignore_conflicts=True,
    )
    return rows.filter(pk__in=[notification.pk for notification in notifications]).count()


def _without_those_made_otherwise(
    notifications: Sequence[Notification], *, using: str
) -> list[Notification]:
    """Leave out notifications that exist already, made by release 1.5.3 or the project's own code.

    The digest of such a row leaves out the body, so the constraint cannot compare bodies.
    """
    digests = [notification.make_digest() for notification in notifications]
    there = set(
        Notification.objects.using(using)
        .filter(digest__in=digests)
        .values_list("target_user_record_id", "body")
    )
    return [
        notification
        for notification in notifications
        if (notification.target_user_record_id, notification.body) not in there
    ]
