"""The form behind every change page."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Any]
else:
    ModelForm = forms.ModelForm


def name_parts(field: Any, label: Any = None) -> None:
    """Name the day and the time of a moment's field for screen readers, as Django does not.

    Args:
        field: A ``SplitDateTimeField``.
        label: What the moment is, where the parts stand among those of other moments.
    """
    for widget, part in zip(field.widget.widgets, (_("Day"), _("Time of day")), strict=True):
        widget.attrs["aria-label"] = part if label is None else f"{capfirst(label)}: {part}"


class VersionField(forms.CharField):
    """Remembers, in a hidden field, the version of the row on the page."""

    widget = forms.HiddenInput

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Return false: nobody edits this field, and the history does not mention the field."""
        return False


class VersionedForm(ModelForm):
    """Refuses a change of a row that has changed since the page was opened.

    The page may have been open for an hour. Otherwise the page's old status would count as the
    person's wish, and a notification delivered meanwhile would be delivered again.
    """

    version = VersionField(required=False, label="")  # some themes show a hidden field's label

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.current_version = ""
        if not self.instance._state.adding:
            self.current_version = self.instance.modified_date.isoformat()
        self.initial["version"] = self.current_version

    def clean(self) -> dict[str, Any] | None:
        """Compare the versions.

        Raises:
            ValidationError: When the row differs from the page.
        """
        cleaned_data = super().clean()
        version = self.cleaned_data.get("version")
        if version and version != self.current_version:
            raise ValidationError(
                _(
                    "This has changed since you opened the page, by a delivery or by another"
                    " person. Open it again and repeat your change."
                ),
                code="changed_meanwhile",
            )
        return cleaned_data

    def add_error(self, field: str | None, error: Any) -> None:
        """As Django's, but an error of a read-only field is shown above the form."""
        if field is None and hasattr(error, "error_dict"):
            errors: dict[str, list[Any]] = {}
            for name, field_errors in error.error_dict.items():
                shown_at = name if name in self.fields else NON_FIELD_ERRORS
                errors.setdefault(shown_at, []).extend(field_errors)
            error = ValidationError(errors)
        super().add_error(field, error)
