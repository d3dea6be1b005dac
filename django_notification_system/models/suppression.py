"""Suppressions: addresses that must not be written to, whoever the user is."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..categories import KEY_MAX_LENGTH, TARGET_KEY_MAX_LENGTH
from .address import ADDRESS_MAX_LENGTH
from .keys import new_key


class Suppression(models.Model):
    """An address that no message of a category may go to.

    ``preferences.suppress()`` and ``preferences.unsuppress()`` write the rows. Only notifications
    with a category are stopped, mandatory categories included.

    Attributes:
        target_key: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``.
        category: The key of the category; empty: all categories.
        address_hash: A keyed hash of target and address, which goes on when the address is erased.
        address: The address for people; empty after an erasure.
        reason: Why nothing may be sent.
        created_date: When the row was made.
        note: A note for people.
        id: The key.
    """

    class Reason(models.TextChoices):
        """Why nothing may be sent to an address."""

        #: The provider reported that the address does not exist.
        BOUNCE = "bounce", _("The address does not exist")
        #: The recipient reported a message as spam.
        COMPLAINT = "complaint", _("Reported as spam")
        #: The recipient unsubscribed.
        UNSUBSCRIBED = "unsubscribed", _("Unsubscribed")
        #: The recipient answered STOP.
        STOP = "stop", _("Answered STOP")
        #: A person of the project's.
        MANUAL = "manual", _("Suppressed by hand")
        #: A list from elsewhere.
        IMPORT = "import", _("Imported")

    id = models.UUIDField(primary_key=True, default=new_key, editable=False)
    target_key = models.CharField(_("target"), max_length=TARGET_KEY_MAX_LENGTH)
    category = models.CharField(
        _("category"), max_length=KEY_MAX_LENGTH, blank=True, default="", db_default=""
    )
    address_hash = models.CharField(_("hash of the address"), max_length=64, editable=False)
    address = models.CharField(
        _("address"), max_length=ADDRESS_MAX_LENGTH, blank=True, default="", db_default=""
    )
    reason = models.CharField(_("reason"), max_length=16, choices=Reason)
    created_date = models.DateTimeField(_("created"), default=timezone.now)
    note = models.CharField(_("note"), max_length=200, blank=True, default="", db_default="")

    #: The reasons that are the recipient's own word, and no fault of the address.
    WISHES = (Reason.UNSUBSCRIBED, Reason.STOP)

    class Meta:
        db_table = "notification_system_suppression"
        verbose_name = _("suppression")
        verbose_name_plural = _("suppressions")
        constraints = [
            models.UniqueConstraint(
                fields=["target_key", "address_hash", "category"], name="suppression_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.target_key}: {self.address or self.address_hash[:8]} ({self.reason})"
