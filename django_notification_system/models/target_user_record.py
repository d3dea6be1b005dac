"""A user's address in a target."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from ..printable import validate_printable
from .abstract import CreatedModifiedAbstractModel
from .address import AddressField
from .digest import RecordDigestField, digest_of_address
from .indexes import PrefixIndex
from .keys import new_key
from .target import NotificationTarget

#: The columns that the digest is made of.
DIGESTED = frozenset({"user", "user_id", "target", "target_id", "target_user_id", "origin"})


class TargetUserRecord(CreatedModifiedAbstractModel):
    """A user's address in a target: an email address, a phone number, a push token.

    User, target and address together are unique; without a user, target and address. The admin's
    name for a record is *User Target*, at ``/admin/django_notification_system/usertarget/``.

    Attributes:
        user: The user behind the address; ``None`` for a person without an account. Backwards:
            ``user.notification_target_user_records``.
        target: The kind of destination.
        target_user_id: The address itself, at most 254 characters (RFC 5321's limit for email): a
            phone number in E.164 form, for instance. White space and invisible marks at the ends
            are dropped.
        description: A note for people, at most 200 characters.
        active: Whether messages may be sent to the address. A provider's report of a bad address
            sets this to false.
        hard_bounces: Number of providers' reports that the address does not exist.
            ``NOTIFICATION_SYSTEM["HARD_BOUNCES"]`` reports switch the record off. A delivery does
            not reset the number.
        origin: The source of the address.
        digest: A value that the database accepts only once, made of target and address; empty for a
            record with a user. All spellings of an email address have the same digest. Queued mail
            has records of its own, without a digest.
        details: What a target needs beside the address, such as the keys of a browser; a JSON
            object, or nothing.
        inactive_reason: Why this app switched the record off: ``bounce``, ``refused``,
            ``opted out``, ``STOP``, or ``unsubscribed`` where somebody without an account wanted
            nothing at all; empty where a person did. The reason counts while the record is
            inactive.
        id: The key.
        created_date: When the row was made.
        modified_date: When the row was last changed.
    """

    class Origin(models.TextChoices):
        """The source of a record's address."""

        #: A person.
        MANUAL = "", _("Entered by hand")
        #: The command ``create_email_target_user_records``.
        USER_EMAIL = "USER EMAIL", _("Follows the user's email address")
        #: The command, which has left the address behind.
        FORMER_USER_EMAIL = "FORMER USER EMAIL", _("A former email address of the user")
        #: ``notify_addresses()``, for a person without an account.
        GIVEN = "GIVEN", _("Given by the project's code, without an account")
        #: The mail backend that queues; the record has no user, and no refusal switches it off.
        QUEUED_MAIL = "QUEUED MAIL", _("The first recipient of queued mail")

    id = models.UUIDField(primary_key=True, default=new_key, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="notification_target_user_records",
        verbose_name=_("user"),
        help_text=_("Empty: the address of a person without an account."),
    )
    target = models.ForeignKey(
        NotificationTarget, on_delete=models.PROTECT, verbose_name=_("target")
    )
    target_user_id = AddressField(_("address"), max_length=254)
    description = models.CharField(
        _("description"), max_length=200, validators=[validate_printable]
    )
    active = models.BooleanField(_("active"), default=True)
    hard_bounces = models.PositiveSmallIntegerField(
        _("hard bounces"), default=0, db_default=0, editable=False
    )
    origin = models.CharField(
        _("origin"),
        max_length=20,
        choices=Origin,
        blank=True,
        default=Origin.MANUAL,
        db_default="",
        editable=False,
    )
    digest = RecordDigestField(_("digest"), null=True, blank=True, editable=False)
    details = models.JSONField(_("details"), null=True, blank=True, editable=False)
    inactive_reason = models.CharField(
        _("reason of being inactive"),
        max_length=20,
        blank=True,
        default="",
        db_default="",
        editable=False,
    )

    class Meta:
        db_table = "notification_system_target_user_record"
        verbose_name = _("target user record")
        verbose_name_plural = _("target user records")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "target", "target_user_id"],
                name="user target ids cannot be repeated",
            ),
            # NULL equals nothing, so the constraint above says nothing of records without a user,
            # and the constraint below nothing of all others.
            models.UniqueConstraint(fields=["digest"], name="record_digest_unique"),
        ]
        # For the admin's search by address.
        indexes = [PrefixIndex(fields=["target_user_id"], name="record_address")]

    def __str__(self) -> str:
        return f"{self.recipient_name}: {self.description}"

    @property
    def recipient_name(self) -> str:
        """The user's name; the address where the record has no user."""
        return self.target_user_id if self.user is None else str(self.user.get_username())

    def make_digest(self) -> uuid.UUID | None:
        """Return the digest of the record's present values; ``None`` for a record with a user.

        A record of queued mail has none, too: no refusal switches the record off, so no other
        notification may share it. Its key is made of the address.
        """
        if self.user_id is not None or self.origin == self.Origin.QUEUED_MAIL:
            return None
        return digest_of_address(self.target_id, self.target_user_id)

    def save(
        self,
        force_insert: Any = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """As Django's; a change of user, target or address changes the digest, too."""
        if update_fields is not None:
            update_fields = set(update_fields)
            if update_fields & DIGESTED:
                update_fields.add("digest")
        super().save(
            force_insert=force_insert,
            force_update=force_update,
            using=using,
            update_fields=update_fields,
        )

    def clean(self) -> None:
        """Refuse a second record without a user for one address; forms do not see the digest.

        Raises:
            ValidationError: When there is such a record.
        """
        super().clean()
        if not self.target_id or not self.target_user_id:
            return  # the form has its own errors for an empty target or address
        digest = self.make_digest()
        rows = TargetUserRecord._base_manager.using(self._state.db).exclude(pk=self.pk)
        if digest is not None and rows.filter(digest=digest).exists():
            raise ValidationError(
                _("A record without a user exists already for this target and address."),
                code="unique",
            )


class UserTarget(TargetUserRecord):
    """The records under the admin's name, and so under the admin's URL.

    A proxy without permissions of its own: permissions for target user records apply.
    """

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = _("user target")
        verbose_name_plural = _("User Targets")
