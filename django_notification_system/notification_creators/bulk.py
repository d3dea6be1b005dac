"""Insert the notifications of a batch of users, every notification only once."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from ..database import STATEMENT_SIZE, leaving_existing
from ..models import Notification
from ..models.attachment_store import attach_to, store_contents
from ..models.digest import Identity, identity_of
from .draft import retry_fields
from .recipient import Recipient


def insert_notifications(
    recipients: Sequence[Recipient],
    scheduled_delivery: datetime,
    *,
    using: str,
    intervals: Mapping[uuid.UUID, int | None],
    with_files: Collection[uuid.UUID] = (),
) -> list[uuid.UUID]:
    """Insert a notification for every record, unless the same notification exists.

    The database's unique constraint decides, so that two calls at once insert a notification once.

    Args:
        recipients: The records, with the content for each; at least one.
        scheduled_delivery: When the notifications are due whose draft does not say when.
        using: The database's alias; a transaction is open on the connection.
        intervals: The minutes between attempts that a target's module names, by the target's key.
        with_files: The keys of the targets that send files.

    Returns:
        The keys of the inserted notifications, in the order of the insert.
    """
    drafts = {id(each.draft): each.draft for each in recipients}
    common = recipients[0].draft
    retries = {
        target_id: retry_fields(common, intervals.get(target_id))
        for target_id in {each.target_id for each in recipients}
    }
    identities = {each.record_id: _identity(each, scheduled_delivery) for each in recipients}
    digests = {
        record_id: None if identity is None else identity.digest
        for record_id, identity in identities.items()
    }
    notifications = [
        Notification(
            target_user_record_id=record_id,
            target_id=target_id,
            title=draft.title,
            body=draft.body,
            extra=draft.extra,
            has_attachments=target_id in with_files,
            status=Notification.SCHEDULED,
            scheduled_delivery=draft.scheduled_delivery or scheduled_delivery,
            expires_at=draft.expires_at,
            priority=draft.priority,
            category=draft.category,
            **retries[target_id],
            idempotency_key=draft.idempotency_key,
        )
        # Always in the same order, so that two calls at once wait for each other and never
        # deadlock. Keys and digests then rise together, row by row.
        for record_id, target_id, draft in sorted(
            recipients, key=lambda each: str(digests[each.record_id])
        )
    ]
    for notification in notifications:
        notification.set_digest(digests[notification.target_user_record_id])
    if common.scheduled_delivery is not None and common.idempotency_key is None:
        notifications = _without_repetitions(notifications, identities, using=using)
    rows = Notification.objects.using(using)
    rows.bulk_create(
        notifications,
        batch_size=max(1, STATEMENT_SIZE // max(draft.size for draft in drafts.values())),
        **leaving_existing("digest", using=using),
    )
    # Read back: a notification that exists already was ignored, and its key is no row's.
    keys = [notification.pk for notification in notifications]
    inserted = set(rows.filter(pk__in=keys).values_list("pk", flat=True))
    attached = {
        notification.pk: common.attachments
        for notification in notifications
        if notification.has_attachments and notification.pk in inserted
    }
    if attached:
        store_contents({each.digest: each.content for each in common.attachments}, using=using)
        attach_to(attached, using=using)
    return [key for key in keys if key in inserted]


def _identity(recipient: Recipient, scheduled_delivery: datetime) -> Identity | None:
    draft = recipient.draft
    return identity_of(
        recipient.record_id,
        draft.scheduled_delivery or scheduled_delivery,
        draft.title,
        draft.extra,
        body=draft.identifying_body,
        idempotency_key=draft.idempotency_key,
    )


def _without_repetitions(
    notifications: Sequence[Notification],
    identities: Mapping[uuid.UUID, Identity | None],
    *,
    using: str,
) -> list[Notification]:
    """Leave out notifications that exist already with a digest that the constraint cannot compare.

    Release 1.5.3 and the project's own code make rows with a digest that leaves out the body, and
    the development versions of 2.0 made digests without the moment.
    """
    without_body = [identity for row in notifications if (identity := row.identity()) is not None]
    with_body = [identity for identity in identities.values() if identity is not None]
    asked = {digest for identity in without_body for digest in identity.digests()}
    development = {identity.development_digest for identity in with_body} - {None}
    found = list(
        Notification.objects.using(using)
        .filter(digest__in=asked | development)
        .values_list("target_user_record_id", "digest", "body")
    )
    there = {(record_id, body) for record_id, digest, body in found if digest in asked}
    repeated = {record_id for record_id, digest, _ in found if digest in development}
    return [
        notification
        for notification in notifications
        if notification.target_user_record_id not in repeated
        and (notification.target_user_record_id, notification.body) not in there
    ]
