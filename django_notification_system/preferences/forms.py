"""The form of the page of preferences: one checkbox for each category in each target."""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db import router, transaction
from django.utils.translation import gettext_lazy as _

from ..categories import Category, all_categories, find_category
from ..database import DEADLOCK_ATTEMPTS, despite_deadlocks
from ..models import Notification, Preference
from ..models.locking import begin_with_a_write
from .owners import Owner

EVERYTHING = "everything"


@dataclass(frozen=True)
class Row:
    """A category on the page.

    Attributes:
        category: The category.
        fields: The checkboxes, one for each target; none for a mandatory category.
    """

    category: Category
    fields: list[forms.BoundField]


class PreferencesForm(forms.Form):
    """What somebody wants to be sent.

    The page also has the boxes as they were shown. Only boxes that the person has changed are
    stored: a word from elsewhere that came meanwhile stays.

    Args:
        owner: Whose preferences these are.
        data: The posted form.
    """

    def __init__(self, owner: Owner, data: Any = None) -> None:
        super().__init__(data)
        self.owner = owner
        self.choices: dict[str, tuple[Category | None, str]] = {}
        for category in all_categories():
            if not category.mandatory:
                for key, name in owner.targets.items():
                    awaits = owner.awaits_confirmation(category, key)
                    self._add(
                        f"{category.key}:{key}",
                        (category, key),
                        name,
                        owner.wants(category, key),
                        _("Waits for your confirmation.") if awaits else "",
                    )
        if not owner.address:
            for key, name in owner.targets.items():
                self._add(f":{key}", (None, key), name, owner.wants_target(key))
        self._add(EVERYTHING, (None, ""), _("Send me messages"), owner.wants_anything())

    def _add(
        self,
        name: str,
        choice: tuple[Category | None, str],
        label: Any,
        is_on: bool,
        help_text: Any = "",
    ) -> None:
        self.choices[name] = choice
        self.fields[name] = forms.BooleanField(
            label=label,
            initial=is_on,
            required=False,
            help_text=help_text,
            show_hidden_initial=True,
        )

    @property
    def rows(self) -> Iterator[Row]:
        """The categories, in the order of their registration."""
        for category in all_categories():
            names = [
                name
                for name, (of, _key) in self.choices.items()
                if of is not None and of.key == category.key
            ]
            yield Row(category, [self[name] for name in names])

    @property
    def targets(self) -> list[forms.BoundField]:
        """The switches of whole targets."""
        return [self[name] for name, (of, key) in self.choices.items() if of is None and key]

    @property
    def everything(self) -> forms.BoundField:
        """The switch of everything."""
        return self[EVERYTHING]

    def clean(self) -> dict[str, Any]:
        """Refuse boxes that the page does not have.

        Raises:
            ValidationError: When a posted box names a category or a target that is not offered.
        """
        super().clean()
        for name in self.data:
            plain = name.removeprefix("initial-")
            category, colon, _key = plain.partition(":")
            if colon and plain not in self.fields:
                said = (
                    _("There is no such way to be reached.")
                    if not category or find_category(category)
                    else _("There is no such kind of message any more.")
                )
                raise forms.ValidationError(said, code="unknown")
        return self.cleaned_data

    def save(self) -> None:
        """Store what the person has changed, all or nothing."""
        using = router.db_for_write(Preference)
        despite_deadlocks(lambda: self._save(using), attempts=DEADLOCK_ATTEMPTS, using=using)

    def _save(self, using: str) -> None:
        # A copy: an owner notes stored words, and a rollback takes the words back.
        owner = copy(self.owner)
        with transaction.atomic(using=using):
            begin_with_a_write(Notification._base_manager.using(using))
            for name in self.changed_data:
                category, key = self.choices[name]
                owner.set(category, key, wanted=self.cleaned_data[name])
