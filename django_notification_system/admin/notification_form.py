"""The form of a notification: the refused values, and the fields for superusers alone."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import DEFAULT_DB_ALIAS
from django.forms.fields import InvalidJSONInput
from django.utils.translation import gettext_lazy as _

from ..categories import all_categories
from ..draft import Draft
from ..exceptions import InvalidNotification, TargetUnavailable
from ..message_types.stored import stored_of
from ..models import Notification
from ..models.content_rules import refuse_bad_extra
from ..notification_creators.draft import refuse_early_expiry
from ..notification_creators.registry import find_creator
from ..notification_creators.validate_content import validate_content
from ..preferences.lookup import refusals
from .form import VersionedForm
from .superusers_keys import superusers_keys


class ExtraField(forms.JSONField):
    """JSON that every database can store; refused text is shown again unchanged."""

    def to_python(self, value: Any) -> Any:
        """Return the object.

        Raises:
            ValidationError: When the text is no object, or an object that some database cannot
                store.
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
        """Return the field's text after an error."""
        if data is not None and not self.disabled:
            try:
                self.to_python(data)
            except ValidationError:
                return InvalidJSONInput(data)
        return super().bound_data(data, initial)


class NotificationForm(VersionedForm):
    """Offers the statuses that agree with the notification's past.

    Attributes:
        may_direct_mail: Whether the person may set the keys of ``superusers_keys()``.
    """

    may_direct_mail = False

    class Meta:
        field_classes = {"extra": ExtraField}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        notification = self.instance
        if "category" in self.fields:
            self._offer_categories(notification.category)
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

    def _offer_categories(self, chosen: str) -> None:
        field = self.fields["category"]
        labels = {category.key: category.label for category in all_categories()}
        if chosen:
            labels.setdefault(chosen, chosen)  # known no more
        self.fields["category"] = forms.ChoiceField(
            choices=[("", _("No category")), *labels.items()],
            required=False,
            label=field.label,
            help_text=field.help_text,
        )

    def clean(self) -> dict[str, Any] | None:
        """Refuse the values that ``notify()`` refuses, if the person set or changed the values.

        Raises:
            ValidationError: When the row differs from the page.
        """
        cleaned_data = super().clean()
        is_new = self.instance._state.adding
        changed = set(self.fields) if is_new else set(self.changed_data)
        is_pending = self._value("status") in Notification.PENDING_STATUSES
        if self.errors or not is_pending or self.instance.attempted_delivery is not None:
            return cleaned_data
        for fields, refuse in (
            ({"target_user_record", "status"}, self._refuse_inactive_record),
            ({"target_user_record", "status", "category"}, self._refuse_unwanted),
            ({"target_user_record", "status", "body", "extra"}, self._refuse_content),
            ({"scheduled_delivery", "status", "expires_at"}, self._refuse_early_expiry),
        ):
            # An old value is not the person's mistake.
            if is_new or fields & changed:
                try:
                    refuse()
                except InvalidNotification as error:
                    shown_at = error.argument if error.argument in self.fields else None
                    self.add_error(shown_at, ValidationError(str(error), code="invalid"))
                    break  # an error takes the field's value away
        return cleaned_data

    def _value(self, name: str) -> Any:
        """Return a field's future value, including read-only fields."""
        return self.cleaned_data.get(name, getattr(self.instance, name, None))

    def _refuse_inactive_record(self) -> None:
        if not self._value("target_user_record").active:
            raise InvalidNotification(
                _("This record is inactive, so nothing is sent to it."),
                argument="target_user_record",
            )

    def _refuse_unwanted(self) -> None:
        record = self._value("target_user_record")
        notification = Notification(target_user_record=record, category=self._value("category"))
        using = record._state.db or DEFAULT_DB_ALIAS
        for refused in refusals([notification], record.target, using=using).values():
            raise InvalidNotification(
                _("It would not be sent to this person: %s.") % refused.reason,
                argument="category",
            )

    def _refuse_content(self) -> None:
        target = self._value("target_user_record").target
        try:
            has_own_creator = find_creator(target) is not None
        except TargetUnavailable:
            has_own_creator = True
        if not has_own_creator:  # whose rules are its own, and for notify() too
            validate_content(target, self._draft())

    def _draft(self) -> Draft:
        """Return the notification's content in the form that ``notify()`` checks."""
        return Draft(
            title=self._value("title"),
            body=self._value("body") or self._body_of_type(),
            extra=self._value("extra") or {},
            scheduled_delivery=self._value("scheduled_delivery"),
            retry_time_interval=self._value("retry_time_interval"),
            max_retries=self._value("max_retries"),
            idempotency_key=self._value("idempotency_key"),
            expires_at=self._value("expires_at"),
            priority=self._value("priority"),
            category=self._value("category"),
        )

    def _body_of_type(self) -> str:
        """Return what stands for the body of a notification of a type, which templates make."""
        is_typed = stored_of(self._value("extra"), "") is not None
        return str(self._value("title")) if is_typed else ""

    def _refuse_early_expiry(self) -> None:
        expires_at = self._value("expires_at")
        if expires_at is not None:
            refuse_early_expiry(expires_at, self._value("scheduled_delivery"))

    def clean_extra(self) -> Any:
        """Allow only superusers to name files, other recipients and senders.

        Raises:
            ValidationError: When another person has set or changed such a key.
        """
        extra = self.cleaned_data["extra"]
        if self.may_direct_mail or not isinstance(extra, dict):
            return extra
        before = self.instance.extra if isinstance(self.instance.extra, dict) else {}
        # The templates show whatever object the parameters name.
        given = stored_of(extra, "")
        if given is not None and given != stored_of(before, ""):
            raise ValidationError(
                _("Only superusers may set “%(name)s” here. Leave it as it was."),
                code="superusers_only",
                params={"name": "params"},
            )
        if (
            name := superusers_keys().refused(
                extra, before, has_files=self.instance.has_attachments
            )
        ) is not None:
            raise ValidationError(
                _("Only superusers may set “%(name)s” here. Leave it as it was."),
                code="superusers_only",
                params={"name": name},
            )
        return extra
