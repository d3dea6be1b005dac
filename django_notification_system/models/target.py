"""A kind of destination: Email, Twilio, Expo, or one of the project's own."""

import uuid

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from ..modules import is_module_name
from ..printable import validate_printable
from .abstract import CreatedModifiedAbstractModel


def validate_module_name(name: str) -> None:
    """Refuse what cannot name a target's module: a target may name a module, never a file.

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

    ``migrate`` makes three: Email (``email``), Twilio (``twilio``) and Expo (``expo``).

    Attributes:
        name: What people call it; unique, at most 15 characters.
        notification_module_name: The module that delivers to it: ``notification_handlers`` of
            this app or of the project (``NOTIFICATION_SYSTEM_HANDLERS``) must have a module of
            that name. Letters, digits and underscores only.
        paused_until: Until then nothing is delivered to it. Empty: it is not paused.
        pause_reason: Why it is paused, for people.
        rate_reserved_until: Up to when the runs have shared out the time among them, where it has
            a rate.
        id: The key.
        created_date: When the row was made.
        modified_date: When it was last changed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
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

    class Meta:
        db_table = "notification_system_target"
        verbose_name = _("notification target")
        verbose_name_plural = _("notification targets")

    def __str__(self) -> str:
        return self.name
