"""The identity of a notification, in 16 bytes that every database can index."""

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
    """Return a digest that the database accepts only once.

    Release 1.5.3 had a unique constraint over record, moment, title and ``extra``; a digest of the
    four keeps the constraint's meaning where ``extra`` is too large for an index (PostgreSQL) or
    cannot be indexed at all (MariaDB).

    Args:
        target_user_record_id: The key of the notification's record.
        scheduled_delivery: The first due time.
        title: The title.
        extra: The ``extra``. ``None`` is SQL's NULL, which equals nothing: the old constraint never
            refused such a row.
        body: The body, given by the creators: for a creator, another body is another notification.
        idempotency_key: The caller's own identity of the notification; then nothing else counts.

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
    # Marked as a name-based UUID (RFC 9562): MariaDB refuses a UUID of no known kind.
    return uuid.UUID(bytes=hashed, version=5)


class DigestField(models.UUIDField):  # type: ignore[type-arg] # not generic at run time
    """Fills itself when the row is made, by ``save()`` and ``bulk_create()`` alike."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Return the digest, made when the row is, and never again.

        A copy of a row still has the digest of the original, and gets a new digest.
        """
        if add and not model_instance.has_own_digest():  # type: ignore[attr-defined]
            digest = model_instance.make_digest()  # type: ignore[attr-defined] # Notification's
            setattr(model_instance, self.attname, digest)
        return super().pre_save(model_instance, add)

    def deconstruct(self) -> Any:
        """Be a plain ``UUIDField`` in migrations, which must outlive this module."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.UUIDField", args, kwargs
