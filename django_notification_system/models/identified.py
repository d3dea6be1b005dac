"""What makes a notification the same as another: its digest, kept for the row that has it."""

import uuid
from typing import TYPE_CHECKING, Any, Self

from django.db import models

from .digest import Identity, identity_of
from .target_user_record import TargetUserRecord


class IdentifiedModel(models.Model):
    """A model with ``digest``, and with the fields of which the digest is made."""

    #: The key of the row with this ``digest``; a copy of an instance has another key.
    digest_made_for: uuid.UUID | None = None
    #: The digest of an older row that this new notification repeats, see ``find_repeated()``.
    repeated_digest: uuid.UUID | None = None

    if TYPE_CHECKING:
        target_user_record_id: uuid.UUID
        title: str
        extra: Any
        scheduled_delivery: Any
        idempotency_key: str | None
        digest: uuid.UUID | None

    class Meta:
        abstract = True

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Self:
        """Load a row, and remember the key of the digest's row."""
        notification = super().from_db(*args, **kwargs)
        notification.digest_made_for = notification.pk
        return notification

    def identity(self) -> Identity | None:
        """Return the identity of the notification's present values.

        Key and moment may be texts, which Django allows until the row is loaded again.
        """
        return identity_of(
            TargetUserRecord._meta.pk.to_python(self.target_user_record_id),
            models.DateTimeField().to_python(self.scheduled_delivery),
            self.title,
            self.extra,
            idempotency_key=self.idempotency_key,
        )

    def make_digest(self) -> uuid.UUID | None:
        """Return the digest of the notification's present values."""
        identity = self.identity()
        return None if identity is None else identity.digest

    def digest_to_insert(self) -> uuid.UUID | None:
        """Return the digest for the row's insert: an older row's, which the constraint refuses."""
        return self.repeated_digest or self.make_digest()

    def set_digest(self, digest: uuid.UUID | None) -> None:
        """Set the digest for the row's insert, instead of a computed digest.

        Args:
            digest: The digest; ``None`` for none.
        """
        self.digest = digest
        self.digest_made_for = self.pk

    def has_own_digest(self) -> bool:
        """Tell whether the digest was read or set for this very row, and must be kept.

        The digest is kept in another database too: retries may have moved moments since the insert.
        """
        return self.digest_made_for is not None and self.digest_made_for == self.pk
