"""A target's description: the optional parts of its handler's module, beside ``deliver()``.

A target of this app's own is a folder in ``notification_handlers``; a project's own target is a
module in a place named in ``NOTIFICATION_SYSTEM_HANDLERS``. Both describe themselves in the same
way, by the names in ``TargetDescription``. Where a project's module takes the place of a built-in
module, the built-in parts count where the project's are missing, except for ``preview()`` and
``destination()``.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from django.conf import settings

from . import conf
from .conf import TargetSettings, module_locations, settings_from, target_values
from .exceptions import TargetUnavailable
from .modules import (
    BUILT_IN_HANDLERS,
    built_in_names,
    find_module,
    import_dotted,
    is_module_name,
)


@dataclass(frozen=True, kw_only=True)
class TargetDescription:
    """A handler's module's description of its target. All parts are optional.

    Attributes:
        key: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``.
        source: The file or dotted name of the module.
        settings_class: ``Settings``, the dataclass with the target's settings.
        check: ``check()``, which yields system checks.
        check_deployed: ``check_deployed()``, which yields system checks for ``check --deploy``.
        validate: ``validate(draft)``, which refuses notifications that could never be delivered.
        fault_of_address: ``fault_of_address(address)``, which returns why an address is no address.
        redirected_extra: ``redirected_extra(extra, address)``, which returns ``extra`` without
            names of people, for a staging site; ``address`` is the record's own.
        comparable_address: ``comparable_address(address)``, which returns an equal text for all
            spellings of one address.
        retry_time_interval: ``RETRY_TIME_INTERVAL``, the minutes from a failed attempt to the next
            for notifications made by ``notify()`` without an interval.
        files_in_extra: ``FILES_IN_EXTRA``, the keys of ``extra`` that bring the project's files
            into a message; a project's module in a built-in module's place adds to the built-in
            keys.
        directions_in_extra: ``DIRECTIONS_IN_EXTRA``, the keys of ``extra`` that set further
            recipients, the sender, or the recipients of answers; likewise.
        takes_attachments: ``TAKES_ATTACHMENTS``, whether the module sends the files in
            ``notification.attachments``.
        target_name: ``TARGET_NAME``, the name of the target's row as made by ``add_target``.
        also_called: ``ALSO_CALLED``, further words by which people look for the target, in small
            letters and digits.
        page: ``PAGE``, the page of this documentation about the target, such as ``"howto/push"``.
        how_to_add_records: ``HOW_TO_ADD_RECORDS``, a sentence for people about where the target's
            records come from, to be translated.
        how_to_return: ``HOW_TO_RETURN``, a sentence for people about how somebody who said no at
            the provider says yes again, to be translated.
        address_in_details: ``ADDRESS_IN_DETAILS``, whether no message can be sent without a
            record's ``details``.
        takes_html: ``TAKES_HTML``, whether the module sends HTML, so that a type's template
            ``KEY.html`` counts.
        text_templates: ``TEXT_TEMPLATES``, the names of a type's templates that count after
            ``KEY.txt``, such as ``push.txt``.
        template_context: ``template_context(notification, is_live=…)``, which returns further
            variables for a type's templates, such as links.
        own_addresses: ``own_addresses(user)``, which returns a user's addresses that the project
            keeps itself.
        list_headers: ``list_headers(notification)``, which returns the headers by which the
            reader's program unsubscribes.
        sample_address: ``SAMPLE_ADDRESS``, an address of nobody, for previews of types.
    """

    key: str
    source: str
    settings_class: type[TargetSettings]
    check: Callable[[], Any] | None
    check_deployed: Callable[[], Any] | None
    validate: Callable[[Any], None] | None
    fault_of_address: Callable[[str], str] | None
    redirected_extra: Callable[[dict[str, Any], str], dict[str, Any]] | None
    comparable_address: Callable[[str], str] | None
    retry_time_interval: int | None
    files_in_extra: frozenset[str]
    directions_in_extra: frozenset[str]
    takes_attachments: bool
    target_name: str
    also_called: tuple[str, ...]
    page: str
    how_to_add_records: str
    how_to_return: str
    address_in_details: bool
    takes_html: bool
    text_templates: tuple[str, ...]
    template_context: Callable[..., Mapping[str, Any]] | None
    own_addresses: Callable[[Any], Iterable[str]] | None
    list_headers: Callable[[Any], dict[str, str]] | None
    sample_address: str


def describe(module_name: str) -> TargetDescription | None:
    """Return a target's description, or ``None`` where no such module exists.

    Args:
        module_name: The target's ``notification_module_name``.

    Raises:
        TargetUnavailable: When the module cannot be imported.
    """
    found = find_module(module_name, conf.HANDLERS, BUILT_IN_HANDLERS)
    if found is None:
        return None
    modules = [found.module]
    if found.shadows_built_in:
        modules.append(import_dotted(f"{BUILT_IN_HANDLERS}.{module_name}"))
    return _described(module_name, found.source, modules)


def describe_built_in(module_name: str) -> TargetDescription:
    """Return the description by this app's own module, even where a project's stands in for it.

    Args:
        module_name: The target's ``notification_module_name``.
    """
    dotted = f"{BUILT_IN_HANDLERS}.{module_name}"
    return _described(module_name, dotted, [import_dotted(dotted)])


def kept_description(module_name: str) -> TargetDescription | None:
    """Return what ``describe()`` returns, kept as Python keeps modules; a failure is not kept.

    Args:
        module_name: The target's ``notification_module_name``.

    Raises:
        TargetUnavailable: When the module cannot be imported.
    """
    return _kept_description(module_name, _locations())


def known_description(module_name: str) -> TargetDescription | None:
    """Return a target's description, or ``None`` where no module can be found or imported.

    The answer is kept, as Python keeps modules: a process sees a new module at its next start.

    Args:
        module_name: The target's ``notification_module_name``.
    """
    return _known_description(module_name, _locations())


def _locations() -> tuple[str, ...]:
    return tuple(map(str, module_locations(conf.HANDLERS)))


@cache
def _kept_description(module_name: str, locations: tuple[str, ...]) -> TargetDescription | None:
    return describe(module_name)


@cache
def _known_description(module_name: str, locations: tuple[str, ...]) -> TargetDescription | None:
    try:
        return _kept_description(module_name, locations)
    except TargetUnavailable:
        # The delivery reports the fault.
        return describe_built_in(module_name) if module_name in built_in_names() else None


def target_key(module_name: str) -> str:
    """Return a target's key in the settings: the module's name, or a built-in target's own key.

    Args:
        module_name: The target's ``notification_module_name``.
    """
    return _keys().get(module_name, module_name)


def module_name_of(key: str) -> str:
    """Return the module name of the target with a key in the settings.

    Args:
        key: The target's key.
    """
    return next((name for name, each in _keys().items() if each == key), key)


def module_called(word: str) -> str | None:
    """Return the module of this app's own that people mean by a word, such as ``slack``, if any.

    Args:
        word: The word, in any case, perhaps with blanks and hyphens.
    """
    plain = "".join(filter(str.isalnum, word.casefold()))
    names = sorted(built_in_names())
    return next((each for each in names if plain in describe_built_in(each).also_called), None)


def targets_to_ask() -> list[str]:
    """Return the module names of this app's own targets, and of all targets with settings."""
    targets = getattr(settings, conf.TARGETS, None)
    keys = targets if isinstance(targets, Mapping) else ()
    own = {key for key in keys if isinstance(key, str) and is_module_name(key)}
    return sorted(built_in_names() | (own - built_in_keys()))


def settings_class_of(key: Any) -> type[TargetSettings]:
    """Return the dataclass with a target's settings.

    Args:
        key: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``, or any other object in its place.
    """
    if not isinstance(key, str) or not is_module_name(name := module_name_of(key)):
        return TargetSettings
    described = known_description(name)
    return TargetSettings if described is None else described.settings_class


def built_in_keys() -> frozenset[str]:
    """Return the keys of this app's own targets in the settings."""
    return frozenset(_keys().values())


def target_settings(module_name: str) -> TargetSettings:
    """Return the settings common to all targets, without importing a module of the project's.

    Args:
        module_name: The target's ``notification_module_name``.
    """
    return settings_from(TargetSettings, target_values(target_key(module_name)) or {})


def time_to_receipt(module_name: str) -> timedelta:
    """Return the time from an attempt to the first question for its receipt.

    The module is imported already: it has delivered.

    Args:
        module_name: The target's ``notification_module_name``.
    """
    minutes = target_settings(module_name).receipts_after
    values = target_values(target_key(module_name)) or {}
    if "receipts_after" not in values and (described := known_description(module_name)):
        minutes = described.settings_class.receipts_after
    return timedelta(minutes=minutes)


@cache
def _keys() -> Mapping[str, str]:
    modules = {
        name: import_module(f"{BUILT_IN_HANDLERS}.{name}.settings") for name in built_in_names()
    }
    return {name: module.KEY for name, module in sorted(modules.items())}


def _described(module_name: str, source: str, modules: list[ModuleType]) -> TargetDescription:
    def part(name: str) -> Any:
        said = (getattr(module, name, None) for module in modules)
        return next((each for each in said if each is not None), None)

    return TargetDescription(
        key=target_key(module_name),
        source=source,
        settings_class=_settings_class(part("Settings"), source),
        check=part("check"),
        check_deployed=part("check_deployed"),
        validate=part("validate"),
        fault_of_address=part("fault_of_address"),
        redirected_extra=part("redirected_extra"),
        comparable_address=part("comparable_address"),
        retry_time_interval=part("RETRY_TIME_INTERVAL"),
        files_in_extra=_names("FILES_IN_EXTRA", modules, source),
        directions_in_extra=_names("DIRECTIONS_IN_EXTRA", modules, source),
        # Not of the built-in module, where a project's module stands in for it.
        takes_attachments=getattr(modules[0], "TAKES_ATTACHMENTS", False) is True,
        takes_html=part("TAKES_HTML") is True,
        text_templates=tuple(part("TEXT_TEMPLATES") or ()),
        template_context=part("template_context"),
        target_name=str(part("TARGET_NAME") or module_name.replace("_", " ").title()),
        also_called=tuple(part("ALSO_CALLED") or ()),
        page=str(part("PAGE") or ""),
        how_to_add_records=str(part("HOW_TO_ADD_RECORDS") or ""),
        how_to_return=str(part("HOW_TO_RETURN") or ""),
        address_in_details=part("ADDRESS_IN_DETAILS") is True,
        own_addresses=part("own_addresses"),
        list_headers=part("list_headers"),
        sample_address=str(part("SAMPLE_ADDRESS") or ""),
    )


def _names(part: str, modules: list[ModuleType], source: str) -> frozenset[str]:
    """Return the names in a part of the modules, together: no module takes a built-in name away."""
    names: set[str] = set()
    for module in modules:
        declared = getattr(module, part, ())
        if not isinstance(declared, Collection) or isinstance(declared, str | bytes):
            raise TargetUnavailable(
                f"{part} in {source} must be a tuple of keys of extra, such as ('photo',)."
            )
        names.update(map(str, declared))
    return frozenset(names)


def _settings_class(declared: Any, source: str) -> type[TargetSettings]:
    if declared is None:
        return TargetSettings
    if not isinstance(declared, type) or not issubclass(declared, TargetSettings):
        raise TargetUnavailable(
            f"Settings in {source} must be a dataclass that inherits TargetSettings. Import it from"
            " django_notification_system.notification_handlers.base."
        )
    return declared
