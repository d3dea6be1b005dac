"""``user_target``: the name of a notification's record in the documentation since 1.5.3.

Django looks up every name of a query (in lookups, ordering, ``values()``, ``only()``, ``update()``
and ``F()``) in the model's map of fields. The aliases stand in this map, so no query asks this
module for a name. ``select_related()``, ``prefetch_related()`` and ``defer()`` do not use the map.
"""

import uuid
from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.db import models
from django.db.models.constants import LOOKUP_SEP
from django.db.models.options import Options
from django.db.models.signals import class_prepared
from django.utils.functional import cached_property

if TYPE_CHECKING:
    from .target_user_record import TargetUserRecord

Model = TypeVar("Model", bound=models.Model)

#: Alias -> field.
ALIASES = {
    "user_target": "target_user_record",
    "user_target_id": "target_user_record_id",
}


class AliasOptions(Options):  # type: ignore[type-arg] # Django's is not generic
    """A model's options, with the aliases in the map of fields.

    Type checkers that ask Django for a model's fields find the aliases in the same way.
    """

    @cached_property
    def _forward_fields_map(self) -> dict[str, Any]:
        """Django's map of fields by name, with the aliases; made anew when a model is defined."""
        fields: dict[str, Any] = super()._forward_fields_map  # type: ignore[misc] # not in the stubs
        return {**{alias: fields[name] for alias, name in ALIASES.items()}, **fields}


class AliasModel(models.Model):
    """A model whose fields have the aliases."""

    if TYPE_CHECKING:
        target_user_record: "TargetUserRecord"
        target_user_record_id: uuid.UUID

    class Meta:
        abstract = True

    @property
    def user_target(self) -> "TargetUserRecord":
        """The recipient's address; another name of ``target_user_record``."""
        return self.target_user_record

    @user_target.setter
    def user_target(self, record: "TargetUserRecord") -> None:
        self.target_user_record = record

    @property
    def user_target_id(self) -> uuid.UUID:
        """The key of the recipient's record; another name of ``target_user_record_id``."""
        return self.target_user_record_id

    @user_target_id.setter
    def user_target_id(self, record_id: uuid.UUID) -> None:
        self.target_user_record_id = record_id


def find_by_alias(sender: type[models.Model], **kwargs: Any) -> None:
    """Let a new class of ``AliasModel`` find its fields by their aliases; hears class_prepared.

    Django has no way to choose the class of ``_meta``.

    Args:
        sender: A new model.
        **kwargs: The signal's other arguments.
    """
    if issubclass(sender, AliasModel):
        sender._meta.__class__ = AliasOptions


class_prepared.connect(find_by_alias)


class AliasQuerySet(models.QuerySet[Model]):
    """A queryset with the aliases in the methods that do not use the map of fields."""

    def select_related(self, *fields: Any) -> Self:
        """As Django's, with the aliases.

        Args:
            fields: The relations' names, aliases among them.
        """
        return super().select_related(*map(_real_name, fields))

    def prefetch_related(self, *lookups: Any) -> Self:
        """As Django's, with the aliases.

        Args:
            lookups: The relations' names, aliases among them, or ``Prefetch`` objects.
        """
        return super().prefetch_related(*map(_real_name, lookups))

    def defer(self, *fields: Any) -> Self:
        """As Django's, with the aliases.

        Args:
            fields: The fields' names, aliases among them.
        """
        return super().defer(*map(_real_name, fields))


def _real_name(name: Any) -> Any:
    """Return a lookup path with a leading alias replaced; any other value unchanged."""
    if not isinstance(name, str):
        return name
    head, separator, rest = name.partition(LOOKUP_SEP)
    return f"{ALIASES.get(head, head)}{separator}{rest}"
