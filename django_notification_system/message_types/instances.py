"""Instances of models as parameters: stored by their keys, and read again by one query a model."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import DatabaseError, router
from django.db.models import Model, prefetch_related_objects
from django.utils.translation import gettext as _

from ..database import patiently
from ..exceptions import InvalidNotification
from .kinds import DoesNotFit, Kind, ObjectGone, Objects, Reference

logger = logging.getLogger("django_notification_system")


@dataclass(frozen=True)
class Instance(Kind):
    """A saved instance of one of some models, stored as the model's label and the key."""

    models: tuple[type[Model], ...]
    forms = frozenset({"object"})

    @property
    def name(self) -> str:  # type: ignore[override] # an attribute of the others
        """The models' names."""
        return " or ".join(each.__name__ for each in self.models)

    def takes(self, value: Any) -> bool:
        """Take instances, saved or not: a preview has unsaved instances."""
        return isinstance(value, self.models)

    def to_json(self, value: Any, name: str) -> dict[str, Any]:
        """Return label and key.

        Raises:
            InvalidNotification: When the instance is not saved, or its key has several parts.
        """
        if value.pk is None or value._state.adding:
            raise InvalidNotification(
                _("%(name)s is an unsaved %(model)s. Save it first: it is read again by its key.")
                % {"name": name, "model": type(value).__name__},
                argument=name,
            )
        if isinstance(value.pk, tuple):
            raise InvalidNotification(
                _(
                    "%(name)s is a %(model)s, whose key has several parts. Pass the values that the"
                    " templates show."
                )
                % {"name": name, "model": type(value).__name__},
                argument=name,
            )
        pk = value.pk if isinstance(value.pk, int | str) else str(value.pk)
        return {"model": value._meta.label_lower, "pk": super().to_json(pk, name)}

    def references(self, stored: Any) -> Iterator[Reference]:
        """Yield the object."""
        yield _reference(stored)

    def of_json(self, stored: Any, objects: Objects) -> Model:
        """Return the instance."""
        reference = _reference(stored)
        found = objects.get(reference)
        if found is None:
            raise ObjectGone(reference)
        if not isinstance(found, self.models):
            raise DoesNotFit(self.name)
        return found


def read_objects(
    references: Iterable[Reference], relations: Iterable[tuple[str, str]] = ()
) -> dict[Reference, Model]:
    """Return the instances that exist, with one query for each model, and one for each relation.

    The primary database is asked: on a replica, an object just made might be missing. While the
    database is out of reach, this function waits.

    Args:
        references: Labels of models, and keys; nothing is returned for an unknown model.
        relations: Labels of models, and lookups such as ``"lines__product"``. One that the model
            does not have is left out, and told in the log.
    """
    lookups: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for label, lookup in relations:
        lookups[label][lookup] = None  # each once, in order
    by_label: defaultdict[str, set[Any]] = defaultdict(set)
    for label, pk in references:
        by_label[label].add(pk)
    found: dict[Reference, Model] = {}
    for label, stored_keys in by_label.items():
        try:
            model = apps.get_model(label)
        except (LookupError, ValueError):
            continue
        keys = {stored: key for stored in stored_keys if (key := _key(model, stored)) is not None}
        rows = _rows(model, set(keys.values()))
        for lookup in lookups[label]:
            _read_relation(list(rows.values()), lookup, using=router.db_for_write(model))
        found.update({(label, stored): rows[key] for stored, key in keys.items() if key in rows})
    return found


def said_of_gone(gone: ObjectGone) -> str:
    """Return the response for a notification about an object that does not exist any more.

    Args:
        gone: The object.

    Raises:
        LookupError: When there is no such model.
    """
    label, pk = gone.reference
    return f"{apps.get_model(label).__name__} {pk} does not exist any more."


def _rows(model: type[Model], keys: set[Any]) -> dict[Any, Model]:
    using = router.db_for_write(model)
    manager = model._base_manager.using(using)
    return patiently(lambda: manager.in_bulk(keys), using=using)


def _read_relation(instances: list[Model], lookup: str, *, using: str) -> None:
    try:
        patiently(lambda: prefetch_related_objects(instances, lookup), using=using)
    except DatabaseError:
        raise
    except Exception as error:
        logger.warning("prefetch_related names %r: %s: %s", lookup, type(error).__name__, error)


def _key(model: type[Model], stored: Any) -> Any:
    try:
        return model._meta.pk.to_python(stored)
    except ValidationError:
        return None


def _reference(stored: Any) -> Reference:
    if not isinstance(stored, dict) or not isinstance(label := stored.get("model"), str):
        raise DoesNotFit("an object")
    pk = stored.get("pk")
    if isinstance(pk, bool) or not isinstance(pk, int | str):
        raise DoesNotFit("an object")
    return label, pk
