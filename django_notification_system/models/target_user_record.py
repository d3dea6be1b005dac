"""An address in a target, of a user or of a person without an account."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..printable import validate_printable
from ..targets import known_description
from .abstract import CreatedModifiedAbstractModel
from .address import ADDRESS_MAX_LENGTH, AddressField
from .details import DetailsField
from .digest import RecordDigestField, digest_of_address, digest_of_subscription
from .indexes import PrefixIndex
from .keys import new_key
from .target import NotificationTarget

#: The columns that the digest is made of.
DIGESTED = frozenset({"user", "user_id", "target", "target_id", "target_user_id", "origin"})


class TargetUserRecord(CreatedModifiedAbstractModel):
    """An address in a target: an email address, a phone number, a browser, a webhook's receiver.

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
            record with a user, unless ``subscribe()`` made the record: only one user can have a
            browser or a device. All spellings of an email address have the same digest. Queued mail
            has records of its own, without a digest.
        details: What a target needs beside the address, such as the keys of a browser; a JSON
            object, or nothing. Private: shown nowhere, and masked where code shows it. Where
            ``target_user_id`` is a short address (``sha256:`` and 43 characters), the real address
            is in here.
        inactive_reason: Why this app switched the record off: ``bounce``, ``refused``,
            ``opted out``, ``STOP``, ``unsubscribed`` where somebody without an account wanted
            nothing at all, ``ended`` where a browser or device ended its subscription, ``moved``
            where another user has the device now, or ``unseen`` where a device was not seen for
            long; empty where a person did. The reason counts while the record is inactive.
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
        #: ``subscribe()``, for a browser or a device that only one user can have.
        SUBSCRIBED = "SUBSCRIBED", _("Subscribed by the user's browser or device")

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
    target_user_id = AddressField(_("address"), max_length=ADDRESS_MAX_LENGTH)
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
    details = DetailsField(_("details"), null=True, blank=True, editable=False)
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

        A record made by ``subscribe()`` has one while the record is active.
        """
        if self.origin == self.Origin.SUBSCRIBED:
            if not self.active:
                return None
            return digest_of_subscription(self.target_id, self.target_user_id)
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
        """As Django's; a change of user, target or address changes the digest, too.

        So does switching a subscribed record on or off.

        Args:
            force_insert: As of Django's ``save()``.
            force_update: As of Django's ``save()``.
            using: The database's alias; ``None``: the router's choice.
            update_fields: The names of the fields to save; ``None``: all fields.
        """
        if update_fields is not None:
            update_fields = set(update_fields)
            is_subscribed = self.origin == self.Origin.SUBSCRIBED
            if update_fields & DIGESTED or (is_subscribed and "active" in update_fields):
                update_fields.add("digest")
        if self.origin == self.Origin.SUBSCRIBED and self.active:
            # update() switches records off, and leaves their digests.
            rows = TargetUserRecord._base_manager.using(using or self._state.db)
            rows.filter(digest=self.make_digest(), active=False).exclude(pk=self.pk).update(
                digest=None
            )
        super().save(
            force_insert=force_insert,
            force_update=force_update,
            using=using,
            update_fields=update_fields,
        )

    def clean(self) -> None:
        """Refuse a second record without a user for one address; forms do not see the digest.

        And refuse an active record without the details that its target needs: no form has them.

        Raises:
            ValidationError: When there is such a record, or the details are missing.
        """
        super().clean()
        if not self.target_id or not self.target_user_id:
            return  # the form has its own errors for an empty target or address
        self._check_digest()
        self._check_details()

    def _check_digest(self) -> None:
        digest = self.make_digest()
        rows = TargetUserRecord._base_manager.using(self._state.db).exclude(pk=self.pk)
        if self.origin == self.Origin.SUBSCRIBED:
            rows = rows.filter(active=True)
        if digest is None or not rows.filter(digest=digest).exists():
            return
        if self.origin == self.Origin.SUBSCRIBED:
            raise ValidationError(
                _("Another user has this browser or device now: leave the record switched off."),
                code="moved",
            )
        raise ValidationError(
            _("A record without a user exists already for this target and address."),
            code="unique",
        )

    def _check_details(self) -> None:
        described = known_description(self.target.notification_module_name)
        if not self.active or self.details is not None:
            return
        if described is None or not described.address_in_details:
            return
        said = _("No message can be sent without the record's details. Leave it switched off.")
        raise ValidationError(
            f"{said} {gettext(described.how_to_add_records)}".strip()
            if described.how_to_add_records
            else said,
            code="details",
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
