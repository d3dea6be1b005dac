"""System checks of the types: what would fail at the first message is told at start."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.db import router
from django.template import TemplateDoesNotExist

from . import conf
from .categories import find_category, unknown_category
from .delivery.handlers.samples import render_sample
from .delivery.handlers.typed import POSTPONED
from .documentation import explained
from .exceptions import InvalidNotification
from .message_types.declaration import MessageType, parameters_of
from .message_types.instances import Instance
from .message_types.kinds import Kind, Unstorable, advice
from .message_types.registry import all_types, find_type
from .message_types.texts import TITLE, CannotRender, check_templates, template_of
from .notification_handlers.checks import error, warning
from .rendering import first_existing
from .targets import built_in_keys, known_description, module_name_of
from .user_values import find_way

#: How many postponed notifications are looked at.
ROWS_LOOKED_AT = 500


@checks.register()
def check_types(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Check what types declare, and where the language and time zone of users are.

    Args:
        app_configs: Ignored: the check reads the project's types and settings.
        kwargs: Further arguments of Django's.
    """
    found = [*_check_user_values()]
    for cls in all_types():
        found += (
            error(20, f"The type {cls.key}: {fault}", hint=hint) for fault, hint in _faults(cls)
        )
    return [explained(message) for message in found]


@checks.register(deploy=True)
def check_previews(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Render each preview of each type; only with ``check --deploy``, as a preview may use a query.

    Args:
        app_configs: Ignored, like the following.
        kwargs: Further arguments of Django's.
    """
    return [
        explained(
            error(
                17,
                f"The type {cls.key}: {fault}",
                hint="Mend the preview, or the template. The admin shows the same error.",
            )
        )
        for cls in all_types()
        for fault in _faults_of_previews(cls)
    ]


@checks.register(checks.Tags.database)
def check_waiting_types(
    app_configs: Any = None, databases: Iterable[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Warn of notifications that wait for a type which the project's code does not register.

    Args:
        app_configs: Ignored: the check reads a table.
        databases: The aliases of the databases to ask; none without ``check --database``.
        kwargs: Further arguments of Django's.
    """
    # Here: this module may be imported before the models are ready.
    from .models import Notification

    using = router.db_for_read(Notification)
    if using not in (databases or ()):
        return []
    rows = Notification.objects.using(using).pending().filter(response__startswith=POSTPONED)
    try:
        extras = list(rows.values_list("extra", flat=True)[:ROWS_LOOKED_AT])
    except Exception:
        return []  # the table is still to be made, or another check says so
    keys = {str(extra.get("type")) for extra in extras if isinstance(extra, dict)}
    return [
        explained(
            warning(
                9,
                f"Notifications of the type {key!r} wait, and no module notification_types"
                " registers the type.",
                hint="Register the class; a class with another name gets this text as its key. Or"
                " cancel the notifications.",
            )
        )
        for key in sorted(keys)
        if find_type(key) is None
    ]


def _check_user_values() -> Iterator[CheckMessage]:
    settings = conf.engine_settings()
    for name in ("user_language", "user_time_zone"):
        value: Any = getattr(settings, name)
        if not isinstance(value, str) or not value:
            continue  # another check says so
        try:
            find_way(value)
        except ImproperlyConfigured as fault:
            yield error(
                15,
                f"{conf.ENGINE}[{name.upper()!r}]: {fault}",
                hint="Name a field of the user, a path such as 'profile.language', or a function.",
            )


def _faults(cls: type[MessageType]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a type, and the next step."""
    try:
        parameters = parameters_of(cls)
    except ImproperlyConfigured as fault:
        yield str(fault), "Correct the annotation."
        return
    for name, kind in parameters.items():
        for inner in _unstorable(kind):
            yield f"the parameter {name} is a {inner.name}, which cannot be stored.", advice()
    yield from _faults_of_relations(cls, parameters)
    if isinstance(cls.category, str) and cls.category and not find_category(cls.category):
        yield unknown_category(cls.category), "Correct the category."
    title = template_of(cls, TITLE)
    try:
        if first_existing([title]) is None:
            yield f"there is no template {title!r}.", "Add it: it makes the title."
    except Exception as fault:
        yield f"the template {title!r} does not compile: {fault}", "Mend it."
    for key in _keys(cls):
        try:
            check_templates(cls, key)
        except InvalidNotification as fault:
            yield str(fault), "Mend it."


def _faults_of_relations(
    cls: type[MessageType], parameters: Mapping[str, Kind]
) -> Iterator[tuple[str, str]]:
    for name, lookups in cls.prefetch_related.items():
        if name not in parameters:
            yield f"prefetch_related names {name!r}, which is no parameter.", "Correct the name."
            continue
        models = {model for kind in _instances(parameters[name]) for model in kind.models}
        if not models:
            said = f"prefetch_related names {name!r}, which is no instance of a model."
            yield said, "Name a parameter whose annotation has a model."
        for model in models:
            for lookup in lookups:
                if fault := _fault_of_lookup(model, lookup):
                    said = f"prefetch_related names {lookup!r} for {name}: {fault}"
                    yield said, "Name relations as in a queryset's prefetch_related()."


def _instances(kind: Kind) -> Iterator[Instance]:
    if isinstance(kind, Instance):
        yield kind
    inner = getattr(kind, "items", None) or getattr(kind, "kinds", None)
    for each in inner or (getattr(kind, "item", None),):
        if isinstance(each, Kind):
            yield from _instances(each)


def _fault_of_lookup(model: Any, lookup: str) -> str:
    """Return what is wrong with a way over relations; empty: nothing."""
    for name in lookup.split("__"):
        # Backwards, a relation has the accessor's name.
        relations = {
            getattr(each, "get_accessor_name", lambda: None)() or each.name: each
            for each in model._meta.get_fields()
            if each.is_relation
        }
        if name not in relations:
            return f"{model.__name__} has no relation {name!r}."
        model = relations[name].related_model
        if model is None:
            return ""  # a generic key leads to any model
    return ""


def _unstorable(kind: Kind) -> Iterator[Unstorable]:
    if isinstance(kind, Unstorable):
        yield kind
    inner = getattr(kind, "items", None) or (getattr(kind, "item", None),)
    for each in inner:
        if isinstance(each, Kind):
            yield from _unstorable(each)


def _keys(cls: type[MessageType]) -> list[str]:
    """Return the targets that a type names by their keys; all built-in targets where it names none.

    The names of targets are in the database, which this check does not ask.
    """
    if not cls.targets:
        return sorted(built_in_keys())
    named = [each for each in cls.targets if isinstance(each, str)]
    return [each for each in named if known_description(module_name_of(each)) is not None]


def _faults_of_previews(cls: type[MessageType]) -> Iterator[str]:
    try:
        previews = list(cls.previews())
    except Exception as fault:
        yield f"previews() raised {type(fault).__name__}: {fault}"
        return
    for entry in previews:
        try:
            name, message = entry
        except (TypeError, ValueError):
            yield "previews() must yield pairs of a name and an instance."
            return
        for key in _keys(cls):
            try:
                render_sample(message, key)
            except (CannotRender, InvalidNotification, TemplateDoesNotExist) as fault:
                yield f"the preview {name!r} for {key}: {fault}"
            except Exception as fault:
                yield f"the preview {name!r} for {key} raised {type(fault).__name__}: {fault}"
