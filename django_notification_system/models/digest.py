"""What makes two notifications the same one, as 16 bytes that every database can index."""

import hashlib
import json
import uuid
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone


def notification_digest(
    target_user_record_id: uuid.UUID,
    scheduled_delivery: datetime,
    title: str,
    extra: Any,
    *,
    body: str | None = None,
    idempotency_key: str | None = None,
) -> uuid.UUID | None:
    """Return the digest under which the database takes a notification only once.

    Release 1.5.3 had a unique constraint over record, moment, title and ``extra``; a digest of
    these keeps its meaning where ``extra`` is too large to be indexed (PostgreSQL) or cannot be
    indexed at all (MariaDB).

    Args:
        target_user_record_id: The record that the notification is for.
        scheduled_delivery: When it was first due.
        title: Its title.
        extra: Its ``extra``. ``None`` is SQL's NULL, which is equal to nothing, and so was never
            refused by the constraint.
        body: Given by the creators, to which other words are another notification.
        idempotency_key: The caller's own word for what is the same; it alone then counts.

    Returns:
        The digest, or ``None`` where the notification cannot be a repetition of another.
    """
    identity: list[Any]
    if idempotency_key is not None:
        identity = ["key", str(target_user_record_id), idempotency_key]
    elif extra is None:
        return None
    else:
        if timezone.is_naive(scheduled_delivery) and settings.USE_TZ:
            scheduled_delivery = timezone.make_aware(scheduled_delivery)
        if timezone.is_aware(scheduled_delivery):
            scheduled_delivery = scheduled_delivery.astimezone(UTC)
        moment = scheduled_delivery.replace(tzinfo=None).isoformat(timespec="microseconds")
        identity = ["fields", str(target_user_record_id), moment, title, extra]
        if body is not None:
            identity.append(body)
    encoded = json.dumps(identity, sort_keys=True, separators=(",", ":"), default=str)
    hashed = hashlib.blake2b(
        encoded.encode("utf-8", "surrogatepass"), digest_size=16, usedforsecurity=False
    ).digest()
    # Marked as a name-based UUID (RFC 9562): MariaDB refuses one of no known kind.
    return uuid.UUID(bytes=hashed, version=5)


class DigestField(models.UUIDField):  # type: ignore[type-arg] # not generic at run time
    """Fills itself when the row is made, by ``save()`` and ``bulk_create()`` alike."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Return the digest, made when the row is, and never again.

        A copy of a row still has the digest of the original, and gets one of its own.
        """
        if add and not model_instance.has_own_digest():  # type: ignore[attr-defined]
            digest = model_instance.make_digest()  # type: ignore[attr-defined] # Notification's
            setattr(model_instance, self.attname, digest)
        return super().pre_save(model_instance, add)

    def deconstruct(self) -> Any:
        """Be a plain ``UUIDField`` in migrations, which must outlive this module."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.UUIDField", args, kwargs
