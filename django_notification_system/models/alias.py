"""``user_target``: the name of a notification's record in the documentation since 1.5.3."""

from typing import Any, Self, TypeVar

from django.db import models
from django.db.models.constants import LOOKUP_SEP
from django.db.models.options import Options
from django.db.models.signals import class_prepared

Model = TypeVar("Model", bound=models.Model)

#: Alias -> field.
ALIASES = {
    "user_target": "target_user_record",
    "user_target_id": "target_user_record_id",
}


def real_name(name: Any) -> Any:
    """Return a lookup path with a leading alias replaced; any other value unchanged.

    Args:
        name: A lookup path of Django's, or any other value.
    """
    if not isinstance(name, str):
        return name
    head, separator, rest = name.partition(LOOKUP_SEP)
    return f"{ALIASES.get(head, head)}{separator}{rest}"


class AliasOptions(Options):  # type: ignore[type-arg] # Django's is not generic
    """Finds a field by its alias too, for lookups, ordering, values and F().

    Type checkers that ask Django for a model's fields find the aliases by the same way.
    """

    def get_field(self, field_name: Any) -> Any:
        """Return the field with a name or an alias."""
        return super().get_field(ALIASES.get(field_name, field_name))


class AliasModel(models.Model):
    """A model whose fields have the aliases."""

    class Meta:
        abstract = True


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
    """A queryset with the aliases in all methods, also those that bypass ``get_field()``."""

    def select_related(self, *fields: Any) -> Self:
        """As Django's, with the aliases."""
        return super().select_related(*map(real_name, fields))

    def prefetch_related(self, *lookups: Any) -> Self:
        """As Django's, with the aliases."""
        return super().prefetch_related(*map(real_name, lookups))

    def only(self, *fields: Any) -> Self:
        """As Django's, with the aliases."""
        return super().only(*map(real_name, fields))

    def defer(self, *fields: Any) -> Self:
        """As Django's, with the aliases."""
        return super().defer(*map(real_name, fields))

    def update(self, **kwargs: Any) -> int:
        """As Django's, with the aliases."""
        return super().update(**{real_name(name): value for name, value in kwargs.items()})

    update.alters_data = True  # type: ignore[attr-defined] # Django's mark for templates
