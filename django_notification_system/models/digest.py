"""The identity of a notification, in 16 bytes that every database can index."""

import hashlib
import json
import unicodedata
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from .address import comparable, trimmed
from .keys import is_in_order, key_of


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What makes two notifications the same, hashed.

    Attributes:
        target_user_record_id: The key of the notification's record.
        hashed: The hash, of 16 bytes.
        moment: The first due time, in UTC and without a time zone; ``None`` where an idempotency
            key makes the notification the same at any moment.
    """

    target_user_record_id: uuid.UUID
    hashed: bytes
    moment: datetime | None

    @property
    def digest(self) -> uuid.UUID:
        """The digest of a new row: begins with the moment, if any."""
        if self.moment is None:
            return self._by_hash()
        return key_of(self.moment, self.hashed)

    @property
    def development_digest(self) -> uuid.UUID | None:
        """The digest that the development versions of 2.0 made, where they made another.

        ``None`` for a record with a key in order of time: the record is younger than those
        versions.
        """
        if self.moment is None or is_in_order(self.target_user_record_id):
            return None
        return self._by_hash()

    def _by_hash(self) -> uuid.UUID:
        # Marked as a name-based UUID (RFC 9562): MariaDB refuses a UUID of no known kind.
        return uuid.UUID(bytes=self.hashed, version=5)

    def digests(self) -> list[uuid.UUID]:
        """Return each digest that a row of this identity may have."""
        return [digest for digest in (self.digest, self.development_digest) if digest is not None]


def identity_of(
    target_user_record_id: uuid.UUID,
    scheduled_delivery: datetime,
    title: str,
    extra: Any,
    *,
    body: str | None = None,
    idempotency_key: str | None = None,
) -> Identity | None:
    """Return the identity that the database accepts only once.

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
        The identity, or ``None`` where the notification cannot be a repetition of another.
    """
    values: list[Any]
    moment = None
    if idempotency_key is not None:
        values = ["key", str(target_user_record_id), idempotency_key]
    elif extra is None:
        return None
    else:
        moment = _in_utc(scheduled_delivery)
        as_text = moment.isoformat(timespec="microseconds")
        values = ["fields", str(target_user_record_id), as_text, title, extra]
        if body is not None:
            values.append(body)
    return Identity(
        target_user_record_id=target_user_record_id, hashed=_hashed(values), moment=moment
    )


def _in_utc(moment: datetime) -> datetime:
    if timezone.is_naive(moment) and settings.USE_TZ:
        moment = timezone.make_aware(moment)
    if timezone.is_aware(moment):
        moment = moment.astimezone(UTC)
    return moment.replace(tzinfo=None)


def _hashed(values: list[Any]) -> bytes:
    encoded = json.dumps(values, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.blake2b(
        encoded.encode("utf-8", "surrogatepass"), digest_size=16, usedforsecurity=False
    ).digest()


def notification_digest(*args: Any, **kwargs: Any) -> uuid.UUID | None:
    """Return the digest of a new row, for the arguments of :func:`identity_of`.

    Args:
        args: As of ``identity_of()``.
        kwargs: As of ``identity_of()``.
    """
    identity = identity_of(*args, **kwargs)
    return None if identity is None else identity.digest


class DigestField(models.UUIDField):  # type: ignore[type-arg] # not generic at run time
    """Fills itself when the row is made, by ``save()`` and ``bulk_create()`` alike."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Return the digest, made when the row is, and never again.

        A copy of a row still has the digest of the original, and gets a new digest.
        """
        if add and not model_instance.has_own_digest():  # type: ignore[attr-defined]
            digest = model_instance.digest_to_insert()  # type: ignore[attr-defined] # Notification's
            setattr(model_instance, self.attname, digest)
        return super().pre_save(model_instance, add)

    def deconstruct(self) -> Any:
        """Be a plain ``UUIDField`` in migrations, which must outlive this module."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.UUIDField", args, kwargs


def digest_of_address(target_id: uuid.UUID, address: str) -> uuid.UUID:
    """Return the digest of a record without a user, the same for all spellings of one address.

    Args:
        target_id: The key of the record's target.
        address: The address. Without an "@", as in a push token, letters keep their case.
    """
    address = unicodedata.normalize("NFC", trimmed(address))
    spelling = comparable(address) if "@" in address else address
    return uuid.UUID(bytes=_hashed(["address", str(target_id), spelling]), version=5)


def digest_of_subscription(target_id: uuid.UUID, address: str) -> uuid.UUID:
    """Return the digest of an active record of a browser or device, whoever the user is.

    Args:
        target_id: The key of the record's target.
        address: The record's ``target_user_id``.
    """
    return uuid.UUID(bytes=_hashed(["subscription", str(target_id), address]), version=5)


class RecordDigestField(models.UUIDField):  # type: ignore[type-arg] # not generic at run time
    """Fills itself on each save, by ``save()`` and ``bulk_create()`` alike."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Return the digest of the record's present values, and set the same on the instance."""
        digest = model_instance.make_digest()  # type: ignore[attr-defined] # TargetUserRecord's
        setattr(model_instance, self.attname, digest)
        return digest

    def deconstruct(self) -> Any:
        """Be a plain ``UUIDField`` in migrations, which must outlive this module."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.UUIDField", args, kwargs
