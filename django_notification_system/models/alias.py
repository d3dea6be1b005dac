"""``user_target``: the name of a notification's record in the documentation since 1.5.3."""

from typing import Any, Self, TypeVar

from django.db import models
from django.db.models.constants import LOOKUP_SEP
from django.db.models.sql import Query

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


class AliasQuery(Query):
    """Resolves the aliases where Django resolves every name: lookups, ordering, values and F()."""

    def names_to_path(self, names: Any, opts: Any, *args: Any, **kwargs: Any) -> Any:
        """Resolve ``names`` with a leading alias replaced."""
        names = list(names)
        if names and opts.concrete_model is self.get_meta().concrete_model:
            names[0] = ALIASES.get(names[0], names[0])
        return super().names_to_path(names, opts, *args, **kwargs)


class AliasQuerySet(models.QuerySet[Model]):
    """A queryset with the aliases in all methods, including the methods that bypass ``Query``."""

    def __init__(
        self, model: Any = None, query: Any = None, using: Any = None, hints: Any = None
    ) -> None:
        if query is None and model is not None:
            query = AliasQuery(model)
        super().__init__(model, query, using, hints)

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
