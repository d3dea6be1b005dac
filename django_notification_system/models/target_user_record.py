"""A user's address in a target."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ..printable import validate_printable
from .abstract import CreatedModifiedAbstractModel
from .address import AddressField
from .indexes import PrefixIndex
from .keys import new_key
from .target import NotificationTarget


class TargetUserRecord(CreatedModifiedAbstractModel):
    """A user's address in a target: an email address, a phone number, a push token.

    User, target and address together are unique. The admin's name for a record is *User Target*, at
    ``/admin/django_notification_system/usertarget/``.

    Attributes:
        user: The user behind the address. Backwards: ``user.notification_target_user_records``.
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

    id = models.UUIDField(primary_key=True, default=new_key, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="notification_target_user_records",
        verbose_name=_("user"),
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

    class Meta:
        db_table = "notification_system_target_user_record"
        verbose_name = _("target user record")
        verbose_name_plural = _("target user records")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "target", "target_user_id"],
                name="user target ids cannot be repeated",
            )
        ]
        # For the admin's search by address.
        indexes = [PrefixIndex(fields=["target_user_id"], name="record_address")]

    def __str__(self) -> str:
        return f"{self.user.get_username()}: {self.description}"


class UserTarget(TargetUserRecord):
    """The records under the admin's name, and so under the admin's URL.

    A proxy without permissions of its own: permissions for target user records apply.
    """

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = _("user target")
        verbose_name_plural = _("User Targets")
