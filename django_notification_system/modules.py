"""Finding a target's module in the places from the settings, and nowhere else."""

import importlib
import importlib.util
import keyword
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.machinery import SourceFileLoader
from pathlib import Path
from pkgutil import iter_modules
from threading import RLock
from types import ModuleType
from typing import Any

from django.utils.translation import gettext as _

from .conf import module_locations
from .exceptions import TargetUnavailable

Location = str | Path

#: The package with the handlers of this app's own targets.
BUILT_IN_HANDLERS = "django_notification_system.notification_handlers"

#: The exceptions of a module's import that concern only the module's target: a module that calls
#: ``sys.exit()`` would otherwise end the run of all targets.
FAILURES = (Exception, SystemExit)
#: Files that take part in every import, and so are never the failing file.
IMPORTERS = frozenset({__file__, importlib.__file__, importlib.util.__file__})

#: Lanes are threads: a lane must not see a module half executed by another lane. The same thread
#: may enter again, for a module that imports another module.
_importing = RLock()


@dataclass(frozen=True)
class FoundModule:
    """A target's module.

    Attributes:
        module: The module, imported.
        source: The module's file or dotted name.
        shadows_built_in: Whether the module replaces a module of this app.
    """

    module: ModuleType
    source: str
    shadows_built_in: bool = False


def find_module(name: str, setting: str, built_in_package: str) -> FoundModule | None:
    """Import a target's module.

    As in release 1.5.3, a later location overrides an earlier location, and any location overrides
    a built-in module.

    Args:
        name: A target's ``notification_module_name``.
        setting: The setting with the project's locations.
        built_in_package: The package of this app with the built-in modules.

    Returns:
        The module, or ``None`` where no location has a module with the name.

    Raises:
        TargetUnavailable: When ``name`` may not name a module, or the module does not import.
    """
    if not is_module_name(name):
        raise TargetUnavailable(
            _(
                "%r is no Python module name. Correct the target's notification_module_name:"
                " letters, digits and underscores only."
            )
            % name
        )
    built_in = name in built_in_names()
    for location in reversed(module_locations(setting)):
        folder = as_folder(location)
        if folder is not None:
            file = folder / f"{name}.py"
            if is_folder(folder) and file.is_file():
                module = _import_file(file, name, built_in_package)
                return FoundModule(module, str(file), shadows_built_in=built_in)
        elif is_importable(dotted := f"{location}.{name}"):
            return FoundModule(import_dotted(dotted), dotted, shadows_built_in=built_in)
    dotted = f"{built_in_package}.{name}"
    if built_in and is_importable(dotted):  # every target has a handler, and few have a creator
        return FoundModule(import_dotted(dotted), dotted)
    return None


@cache
def built_in_names() -> frozenset[str]:
    """Return the module names of this app's own targets: the folders with settings."""
    [path] = import_dotted(BUILT_IN_HANDLERS).__path__
    return frozenset(
        found.name
        for found in iter_modules([path])
        if any(part.name == "settings" for part in iter_modules([f"{path}/{found.name}"]))
    )


def is_module_name(name: str) -> bool:
    """Tell whether a target may name a module so.

    Keywords cannot be imported; ``__init__``, ``__main__`` and private modules are no target's.

    Args:
        name: The name.
    """
    return name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("_")


def searched_places(setting: str, built_in_package: str) -> str:
    """Return, for people, where modules are looked for.

    Args:
        setting: The setting with the project's locations.
        built_in_package: The package of this app with the built-in modules.
    """
    return ", ".join([*(str(location) for location in module_locations(setting)), built_in_package])


def as_folder(location: Location) -> Path | None:
    """Return a location's folder, or ``None`` for a dotted package.

    A name without a path separator is a package if Python finds a package with the name.

    Args:
        location: An entry of the setting: a path or a dotted name.

    Raises:
        TargetUnavailable: When a parent package of a dotted name does not import.
    """
    if isinstance(location, Path):
        return location
    looks_like_path = os.sep in location or (os.altsep is not None and os.altsep in location)
    is_dotted_name = all(part.isidentifier() for part in location.split("."))
    if looks_like_path or not is_dotted_name:
        return Path(location)
    if not is_importable(location) and is_folder(Path(location)):
        return Path(location)
    return None


def is_folder(path: Path) -> bool:
    """Tell whether a folder exists; a name too long for any folder names none.

    Args:
        path: The path.
    """
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def is_importable(dotted: str) -> bool:
    """Tell whether Python finds a module or package with the name.

    Args:
        dotted: The dotted name.

    Raises:
        TargetUnavailable: When a parent package does not import.
    """
    try:
        return importlib.util.find_spec(dotted) is not None
    except ModuleNotFoundError as error:
        # A parent may be missing, which the system checks report; or a parent exists and imports a
        # missing module.
        if error.name and f"{dotted}.".startswith(f"{error.name}."):
            return False
        raise TargetUnavailable(_describe_failure(dotted, error)) from error
    except FAILURES as error:
        raise TargetUnavailable(_describe_failure(dotted, error)) from error


def import_dotted(dotted: str) -> ModuleType:
    """Import a module or package by its dotted name.

    Args:
        dotted: The dotted name.

    Raises:
        TargetUnavailable: When the import fails.
    """
    try:
        return importlib.import_module(dotted)
    except FAILURES as error:
        raise TargetUnavailable(_describe_failure(dotted, error)) from error


def _import_file(file: Path, name: str, package: str) -> ModuleType:
    # Inside the built-in package, so that the relative imports in the documentation of 1.5.3 work
    # ("from ..utils import ..."), and under a unique name, so that no module is replaced.
    suffix = blake2b(str(file.resolve()).encode(), digest_size=6).hexdigest()
    qualified = f"{package}._{suffix}_{name}"
    with _importing:
        return sys.modules.get(qualified) or _run_file(file, qualified)


def _run_file(file: Path, qualified: str) -> ModuleType:
    loader = SourceFileLoader(qualified, str(file))
    spec = importlib.util.spec_from_file_location(qualified, file, loader=loader)
    assert spec is not None  # noqa: S101 # a loader was given
    module = importlib.util.module_from_spec(spec)
    sys.modules[qualified] = module
    try:
        loader.exec_module(module)
    except BaseException as error:
        sys.modules.pop(qualified, None)
        if isinstance(error, FAILURES):
            raise TargetUnavailable(_describe_failure(str(file), error)) from error
        raise
    return module


def _describe_failure(source: str, error: BaseException) -> str:
    if isinstance(error, TargetUnavailable):
        return str(error)
    last_line = traceback.format_exception_only(error)[-1].strip()
    place = _place_of_failure(error)
    said = _("%(module)s does not import: %(error)s") % {"module": source, "error": last_line}
    return f"{said} ({place})" if place else said


def _place_of_failure(error: BaseException) -> str:
    """Return the failing file and line, if known."""
    if isinstance(error, SyntaxError) and error.filename:
        return _line(error.filename, error.lineno)
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        if not frame.filename.startswith("<") and frame.filename not in IMPORTERS:
            return _line(frame.filename, frame.lineno)
    return ""


def _line(file: str, number: int | None) -> str:
    return _("%(file)s, line %(number)s") % {"file": file, "number": number}


def function_of(found: FoundModule, name: str) -> Any:
    """Return a module's function, or ``None`` without such a function.

    A built-in package imports its provider's client only with a function that needs the client.

    Args:
        found: The module.
        name: The function's name.

    Raises:
        TargetUnavailable: When the client does not import.
    """
    try:
        return getattr(found.module, name, None)
    except FAILURES as error:
        raise TargetUnavailable(_describe_failure(found.source, error)) from error


def missing_function(found: FoundModule, names: Sequence[str]) -> TargetUnavailable:
    """Return the error for a module without any of the required functions.

    Args:
        found: The module.
        names: The functions' names; any one would do.
    """
    wanted = _(" or ").join(f"{name}()" for name in names)
    return TargetUnavailable(
        _("%(module)s defines no %(functions)s. Add it.")
        % {"module": found.source, "functions": wanted}
    )
