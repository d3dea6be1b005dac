"""A kind of destination: Email, Twilio, Web Push and others, or a target of the project's own."""

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from ..modules import is_module_name
from ..printable import validate_printable
from .abstract import CreatedModifiedAbstractModel
from .keys import new_key

#: The target of mails, as ``migrate`` makes it.
EMAIL_NAME, EMAIL_MODULE = "Email", "email"


def validate_module_name(name: str) -> None:
    """Refuse a name that is no module name: a target may name a module, never a file.

    Args:
        name: The name.

    Raises:
        ValidationError: When ``name`` is no identifier, a keyword, or begins with an underscore.
    """
    if not is_module_name(name):
        raise ValidationError(
            _("“%(name)s” is no Python module name: use letters, digits and underscores."),
            params={"name": name},
            code="invalid_module_name",
        )


class NotificationTarget(CreatedModifiedAbstractModel):
    """A kind of destination.

    ``migrate`` makes Email (``email``), Twilio (``twilio``) and Expo (``expo``); with
    ``contrib.webpush`` installed also Web Push (``webpush``). ``manage.py add_target`` makes the
    others.

    Attributes:
        name: The name for people; unique, at most 15 characters.
        notification_module_name: The name of the target's handler module, in
            ``notification_handlers`` of this app or in the project's packages
            (``NOTIFICATION_SYSTEM_HANDLERS``). Letters, digits and underscores only.
        paused_until: The end of the target's pause; until then nothing is delivered. Empty: no
            pause.
        pause_reason: The reason of the pause, for people.
        rate_reserved_until: The end of the time that the runs have reserved, for a target with a
            rate.
        concurrency: How many messages the provider takes at once, as found by the last runs. Empty:
            not known.
        concurrency_limit: The provider refused more at once than this number. Empty: no number was
            refused.
        concurrency_until: The end of the time for which the two numbers count.
        id: The key.
        created_date: When the row was made.
        modified_date: When the row was last changed.
    """

    id = models.UUIDField(primary_key=True, default=new_key, editable=False)
    name = models.CharField(_("name"), max_length=15, unique=True, validators=[validate_printable])
    notification_module_name = models.CharField(
        _("module name"),
        max_length=50,
        validators=[validate_module_name],
        help_text=_("The module that delivers to this target, such as “email”."),
    )

    paused_until = models.DateTimeField(_("paused until"), null=True, blank=True)
    pause_reason = models.CharField(
        _("reason of the pause"), max_length=500, blank=True, default="", db_default=""
    )
    rate_reserved_until = models.DateTimeField(
        _("rate reserved until"), null=True, blank=True, editable=False
    )
    concurrency = models.PositiveSmallIntegerField(_("concurrency"), null=True, editable=False)
    concurrency_limit = models.PositiveSmallIntegerField(
        _("concurrency limit"), null=True, editable=False
    )
    concurrency_until = models.DateTimeField(_("concurrency until"), null=True, editable=False)

    class Meta:
        db_table = "notification_system_target"
        verbose_name = _("notification target")
        verbose_name_plural = _("notification targets")

    def __str__(self) -> str:
        return self.name


def email_target(*, using: str) -> NotificationTarget | None:
    """Return the target of mails where a call names none; ``None`` where there is no such target.

    Of several targets of the module, the one called "Email" counts, else the oldest.

    Args:
        using: The database's alias.
    """
    targets = NotificationTarget.objects.using(using).filter(notification_module_name=EMAIL_MODULE)
    return min(
        targets,
        key=lambda target: (target.name != EMAIL_NAME, target.created_date, target.name),
        default=None,
    )
