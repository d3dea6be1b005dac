"""System checks of the names of settings: a name without a reader is mostly a typing error."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage

from . import conf
from .exceptions import TargetUnavailable
from .modules import (
    as_folder,
    built_in_names,
    import_dotted,
    is_importable,
    is_module_name,
)
from .notification_handlers.checks import warning
from .setting_rules import shown
from .targets import built_in_keys, module_called, target_key

#: The beginning of every setting of this app.
PREFIX = conf.ENGINE
#: Of ``contrib``.
OTHER_SETTINGS = ("NOTIFICATION_SYSTEM_PROMETHEUS",)
#: The likeness, from 0 to 1, above which a name is a typing error of another name.
ALIKE = 0.6
#: The same for names that may also be a project's own.
NEARLY_THE_SAME = 0.85
#: Shorter names are parts of other names by chance.
SHORTEST_PART = 3


def check_setting_names() -> Iterator[CheckMessage]:
    """Warn of settings with nearly the names of this app's settings."""
    known = (conf.TARGETS, conf.HANDLERS, conf.CREATORS, conf.ENGINE, *OTHER_SETTINGS)
    for name in dir(settings):
        if name in known or not name.startswith(PREFIX[:5]):
            continue
        if meant := get_close_matches(name, known, n=1, cutoff=NEARLY_THE_SAME):
            if name.startswith(f"{PREFIX}_") and meant[0] == PREFIX:
                continue  # alike by the beginning alone: a setting of the project's own
            yield warning(
                5, f"{name} is no setting of this app; it is ignored.", did_you_mean(meant[0])
            )


def check_target_keys() -> Iterator[CheckMessage]:
    """Warn of entries with nearly the keys of targets.

    The key of a project's own target is the name of the handler's module in
    ``NOTIFICATION_SYSTEM_HANDLERS``. The database knows targets too, but no system check may query
    the database. A key unlike all others may belong to a future target.
    """
    given = [(name, key) for name, values in _settings_by_target() for key in values]
    if all(key in built_in_keys() for _, key in given):
        return
    own = set(modules_of_handlers()) - built_in_names()
    known = [*sorted(built_in_keys()), *sorted(own)]
    for name, key in given:
        if key in known or not isinstance(key, str):
            continue
        if meant := _key_meant(key, known):
            yield warning(
                4,
                f"{name}[{shown(key)}] belongs to no target; it is ignored.",
                f"{did_you_mean(meant)} The key of a target of your own is the name of its"
                f" handler's module in {conf.HANDLERS}.",
            )


def _key_meant(key: str, known: Iterable[str]) -> str | None:
    called = module_called(key)
    if called is not None:
        return target_key(called)
    return name_meant(target_key(key), known) or _part_or_whole(key, known)


def _settings_by_target() -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """Yield the settings whose keys are targets' keys."""
    targets = getattr(settings, conf.TARGETS, None)
    if isinstance(targets, Mapping):
        yield conf.TARGETS, targets
    engine = getattr(settings, conf.ENGINE, None)
    for option in ("OVERRIDE_RECIPIENTS", "TASK_QUEUES"):
        values = engine.get(option) if isinstance(engine, Mapping) else None
        if isinstance(values, Mapping):
            # Another check speaks of a module's name in place of a target's key.
            misspelt = {key: value for key, value in values.items() if not _is_module(key)}
            yield f"{conf.ENGINE}[{option!r}]", misspelt


def _is_module(key: Any) -> bool:
    return isinstance(key, str) and target_key(key) != key


def check_option_names(
    name: str, values: Mapping[Any, Any], known: Iterable[str], *, may_have_others: bool = False
) -> Iterator[CheckMessage]:
    """Warn of unknown options.

    Args:
        name: The setting's name.
        values: The options in the settings.
        known: The names of the known options.
        may_have_others: Whether other options may belong to the target's handler; then only near
            misses count.
    """
    for unknown, hint in unknown_options(values, known, may_have_others=may_have_others):
        yield warning(1, f"{name} has no option {unknown}; it is ignored.", hint)


def unknown_options(
    values: Mapping[Any, Any], known: Iterable[str], *, may_have_others: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield each unknown option, in the form for a message, and a hint at the intended option.

    Args:
        values: The options in the settings.
        known: The names of the known options.
        may_have_others: See ``check_option_names()``.
    """
    known = sorted(known)
    for unknown in values:
        if unknown in known:
            continue
        meant = name_meant(unknown, known, NEARLY_THE_SAME if may_have_others else ALIKE)
        if may_have_others and meant is None:
            continue
        hint = f"The options are: {', '.join(known)}."
        yield shown(unknown), hint if meant is None else f"{did_you_mean(meant)} {hint}"


def name_meant(name: Any, known: Iterable[str], cutoff: float = ALIKE) -> str | None:
    """Return the known name that a mistyped name is like, or ``None``.

    Args:
        name: The name.
        known: The known names.
        cutoff: The least likeness, from 0 to 1.
    """
    if not isinstance(name, str):
        return None
    by_small_letters = {each.lower(): each for each in known}
    found = get_close_matches(name.lower()[:100], by_small_letters, n=1, cutoff=cutoff)
    return by_small_letters[found[0]] if found else None


def _part_or_whole(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that contains the name, as for ``sms``, or is contained in the name."""
    if len(name) < SHORTEST_PART:
        return None
    return next((each for each in known if name.lower() in each or each in name.lower()), None)


def did_you_mean(name: str) -> str:
    """Return the question for people.

    Args:
        name: The known name.
    """
    return f"Did you mean {name!r}?"


def modules_of_handlers() -> Iterator[str]:
    """Yield the names of the modules in the project's locations, without an import."""
    for location in conf.module_locations(conf.HANDLERS):
        try:
            folder = as_folder(location) if isinstance(location, str | Path) else None
            paths = [folder] if folder is not None else _paths_of_package(str(location))
        except TargetUnavailable:
            continue  # another check says so
        for module in iter_modules([str(path) for path in paths]):
            if is_module_name(module.name):
                yield module.name


def _paths_of_package(dotted: str) -> list[Path]:
    if not is_importable(dotted):
        return []
    return [Path(path) for path in getattr(import_dotted(dotted), "__path__", ())]
