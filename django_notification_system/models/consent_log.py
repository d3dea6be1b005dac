"""The log of consent: who said yes or no, when, and how. Rows are added, and never changed."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..categories import KEY_MAX_LENGTH, TARGET_KEY_MAX_LENGTH
from .indexes import PartialIndex

if TYPE_CHECKING:
    ForeignKey = models.ForeignKey[Any, Any]
else:
    ForeignKey = models.ForeignKey

_APPEND_ONLY = (
    "The consent log is append-only: an entry proves what somebody said, and is neither changed nor"
    " deleted. Add another entry with preferences.set_preference()."
)


def _refuse() -> NoReturn:
    raise TypeError(_APPEND_ONLY)


def forget_speaker(collector: Any, field: Any, entries: Any, using: str) -> None:
    """Be the ``on_delete`` of the speaker: empty the speaker and, first, the speaker's IP address.

    Args:
        collector: Django's collector of what a deletion changes.
        field: The foreign key.
        entries: The entries of the deleted users.
        using: The database's alias.
    """
    ip = ConsentLog._meta.get_field("ip")
    collector.add_field_update(ip, None, entries.filter(ip__isnull=False))
    models.SET_NULL(collector, field, entries, using)


# As of SET_NULL: the entries are not read.
forget_speaker.lazy_sub_objs = True  # type: ignore[attr-defined]


class SpeakerField(ForeignKey):
    """The person who spoke, whose deletion empties the IP address too."""

    def deconstruct(self) -> Any:
        """Be a plain foreign key in migrations, which must outlive this module."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.ForeignKey", args, {**kwargs, "on_delete": models.SET_NULL}


class ConsentLogQuerySet(models.QuerySet["ConsentLog"]):
    """Rows that are added, and neither changed nor deleted."""

    def update(self, **kwargs: Any) -> int:
        """Refuse.

        Args:
            kwargs: Ignored.

        Raises:
            TypeError: Always.
        """
        _refuse()

    def delete(self) -> tuple[int, dict[str, int]]:
        """Refuse.

        Raises:
            TypeError: Always.
        """
        _refuse()

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        """Refuse.

        Args:
            args: Ignored.
            kwargs: Ignored.

        Raises:
            TypeError: Always.
        """
        _refuse()

    def of_person(self, user_id: Any) -> "ConsentLogQuerySet":
        """Return the entries that name a person, as the one who spoke or who acted for others.

        Args:
            user_id: The user's key.
        """
        return self.filter(models.Q(user=user_id) | models.Q(by=user_id))

    def forget_person(self, user_id: Any, number: int) -> int:
        """Empty the fields that name a person, as the person's erasure demands; return the number.

        Args:
            user_id: The user's key.
            number: The most entries.
        """
        keys = list(self.of_person(user_id).order_by().values_list("pk", flat=True)[:number])
        rows = self.filter(pk__in=keys)
        # The IP address is the speaker's.
        super(ConsentLogQuerySet, rows.filter(user=user_id)).update(user=None, ip=None)
        super(ConsentLogQuerySet, rows.filter(by=user_id)).update(by=None)
        return len(keys)

    def forget_ips(self, before: datetime, number: int) -> int:
        """Empty the IP addresses of old entries; return how many.

        Args:
            before: The moment before which an entry is old.
            number: The most entries.
        """
        old = self.filter(ip__isnull=False, at__lt=before)
        keys = list(old.order_by().values_list("pk", flat=True)[:number])
        super(ConsentLogQuerySet, self.filter(pk__in=keys)).update(ip=None)
        return len(keys)


class ConsentLog(models.Model):
    """An entry of the consent log: a person's word, or a suppression of an address.

    The log is append-only: entries are neither changed nor deleted, by nobody's permission. Only
    the erasure of a person, or the deletion of the user, empties the fields that name the person,
    and a purge old IP addresses.

    Attributes:
        user: The person; empty for an address alone, and after the person's erasure.
        address_hash: The hash of a suppressed address, as in ``Suppression``; empty for a person.
        category: The key of the category; empty: all.
        target_key: The target's key; empty: all.
        before: The state before: ``yes``, ``no``, ``pending``, or empty where nothing was said.
        after: The state since.
        how: The way by which the word came.
        by: The user who acted for the person, if any.
        ip: The IP address of a yes, where ``NOTIFICATION_SYSTEM["KEEP_IP"]`` is set;
            ``purge_notifications`` empties it after three years.
        wording: The category's label as the person read it, or the reason of a suppression.
        at: The moment.
        id: The key: a number, so that the log's entries lie in order on the disk.
    """

    class How(models.TextChoices):
        """The way by which a person's word came."""

        #: The mail program's unsubscribe button.
        ONE_CLICK = "one-click", _("One click in the mail program")
        #: A link in a message.
        LINK = "link", _("A link in a message")
        #: The page of preferences.
        PAGE = "page", _("The page of preferences")
        #: A mail to the unsubscribe address.
        MAILTO = "mailto", _("A mail to the unsubscribe address")
        #: A text message, such as STOP.
        TEXT_MESSAGE = "text message", _("A text message")
        #: The provider's report.
        PROVIDER = "provider", _("The provider's report")
        #: A person in the admin.
        ADMIN = "admin", _("The admin")
        #: The project's code.
        CODE = "code", _("The project's code")
        #: A list from elsewhere.
        IMPORT = "import", _("An import")

    id = models.BigAutoField(primary_key=True)
    user = SpeakerField(
        settings.AUTH_USER_MODEL,
        on_delete=forget_speaker,
        null=True,
        blank=True,
        db_index=False,
        related_name="notification_consent_log",
        verbose_name=_("user"),
    )
    address_hash = models.CharField(
        _("hash of the address"), max_length=64, blank=True, default="", db_default=""
    )
    category = models.CharField(
        _("category"), max_length=KEY_MAX_LENGTH, blank=True, default="", db_default=""
    )
    target_key = models.CharField(
        _("target"), max_length=TARGET_KEY_MAX_LENGTH, blank=True, default="", db_default=""
    )
    before = models.CharField(_("before"), max_length=8, blank=True, default="", db_default="")
    after = models.CharField(_("after"), max_length=8, blank=True, default="", db_default="")
    how = models.CharField(_("how"), max_length=16, choices=How)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        verbose_name=_("by"),
    )
    ip = models.GenericIPAddressField(_("IP address"), null=True, blank=True)
    wording = models.CharField(_("wording"), max_length=100, blank=True, default="", db_default="")
    at = models.DateTimeField(_("time"), default=timezone.now)

    objects = ConsentLogQuerySet.as_manager()

    class Meta:
        db_table = "notification_system_consent_log"
        default_permissions = ("view",)
        verbose_name = _("entry of the consent log")
        verbose_name_plural = _("consent log")
        indexes = [
            models.Index(fields=["user", "at"], name="consent_log_user"),
            models.Index(fields=["address_hash", "at"], name="consent_log_address"),
            # For the deletion of a user who acted for others.
            PartialIndex(fields=["by"], name="consent_log_by", where=models.Q(by__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.category or '*'} / {self.target_key or '*'}: {self.after} ({self.how})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the entry.

        Args:
            args: As of Django's ``save()``.
            kwargs: As of Django's ``save()``.

        Raises:
            TypeError: When the entry is there already.
        """
        if not self._state.adding:
            _refuse()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refuse.

        Args:
            args: Ignored.
            kwargs: Ignored.

        Raises:
            TypeError: Always.
        """
        _refuse()
