"""The form of a notification: what it refuses, and whose word the rest of an email is."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from django.utils.translation import gettext_lazy as _

from ..models import Notification
from ..models.notification import refuse_bad_extra
from .form import VersionedForm

#: What brings files of the project's into a message.
FILES_IN_EXTRA = ("attachments", "template_name")
#: What says who gets a message beside its record's owner, who it comes from, and who is answered.
DIRECTIONS_IN_EXTRA = ("cc", "bcc", "reply_to", "headers")
#: What only superusers may set. Whoever may add a notification could otherwise mail themself any
#: file of the storage, write to any address in the world, or write in anybody's name.
SUPERUSERS_KEYS = (*FILES_IN_EXTRA, *DIRECTIONS_IN_EXTRA)


def brings_files(extra: Any) -> bool:
    """Tell whether a notification's ``extra`` names an attachment or a template."""
    return isinstance(extra, dict) and any(extra.get(name) for name in FILES_IN_EXTRA)


class ExtraField(forms.JSONField):
    """JSON that every database can store; whatever else was typed is shown again as it was."""

    def to_python(self, value: Any) -> Any:
        """Return the object.

        Raises:
            ValidationError: When it is none, or none that could be stored.
        """
        try:
            extra = super().to_python(value)
        except (ValueError, RecursionError) as error:
            # Python's own limits: an integer of too many digits, too many brackets.
            raise ValidationError(
                self.error_messages["invalid"], code="invalid", params={"value": value}
            ) from error
        refuse_bad_extra(extra)
        return extra

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what the field shows after an error."""
        if data is not None and not self.disabled:
            try:
                self.to_python(data)
            except ValidationError:
                return InvalidJSONInput(data)
        return super().bound_data(data, initial)


class NotificationForm(VersionedForm):
    """Offers the statuses that agree with what has become of the notification.

    Attributes:
        may_direct_mail: Whether the person may set ``SUPERUSERS_KEYS``.
    """

    may_direct_mail = False

    class Meta:
        field_classes = {"extra": ExtraField}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        notification = self.instance
        if notification._state.adding:
            notification.status = Notification.SCHEDULED
        elif "status" in self.fields:
            impossible = (
                {Notification.SCHEDULED}
                if notification.attempted_delivery
                else set(Notification.ATTEMPTED_STATUSES)
            )
            self.fields["status"].choices = [  # type: ignore[attr-defined] # a ChoiceField
                (status, label)
                for status, label in Notification.STATUS_CHOICES
                if status not in impossible or status == notification.status
            ]

    def clean_extra(self) -> Any:
        """Leave it to superusers to name files, other recipients and senders.

        Raises:
            ValidationError: When somebody else has set one of these, or changed it.
        """
        extra = self.cleaned_data["extra"]
        if self.may_direct_mail or not isinstance(extra, dict):
            return extra
        before = self.instance.extra if isinstance(self.instance.extra, dict) else {}
        for name in SUPERUSERS_KEYS:
            is_kept = name in before and name in extra and extra[name] == before[name]
            may_be_missing = name not in before or not self._belongs_to_files(name, extra)
            if not is_kept and (name in extra or not may_be_missing):
                raise ValidationError(
                    _("Only superusers may set “%(name)s” here. Leave it as it was."),
                    code="superusers_only",
                    params={"name": name},
                )
        return extra

    @staticmethod
    def _belongs_to_files(name: str, extra: dict[str, Any]) -> bool:
        """Tell whether a key says where files go that stay in the message."""
        return name in DIRECTIONS_IN_EXTRA and brings_files(extra)
