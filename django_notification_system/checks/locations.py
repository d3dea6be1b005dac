"""Checks of the folders and packages with a project's own handlers and creators."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage

from ..exceptions import TargetUnavailable
from ..modules import as_folder, import_dotted, is_folder, is_importable
from ..notification_handlers.checks import error
from ..setting_rules import cut


def check_locations(setting: str) -> Iterator[CheckMessage]:
    """Yield the locations that are neither a folder nor a package.

    Args:
        setting: The setting's name.
    """
    locations = getattr(settings, setting, None) or []
    if isinstance(locations, str) or not isinstance(locations, list | tuple):
        yield error(5, f"{setting} must be a list of folders and dotted package names.")
        return
    for index, location in enumerate(locations):
        yield from _check_location(f"{setting}[{index}]", location)


def _check_location(name: str, location: Any) -> Iterator[CheckMessage]:
    if not location or not isinstance(location, str | Path):
        yield error(5, f"{name} must be a folder or a dotted package name.")
        return
    try:
        folder = as_folder(location)
    except TargetUnavailable as fault:
        yield error(7, f"{name}: {fault}")
        return
    if folder is not None:
        if not is_folder(folder):
            yield error(
                6,
                f"{name} names a folder that does not exist: {cut(str(folder))}",
                hint="Correct it, or create the folder.",
            )
        return
    try:
        if is_importable(str(location)):
            import_dotted(str(location))
            return
    except TargetUnavailable as fault:
        yield error(7, f"{name}: {fault}")
        return
    yield error(
        7,
        f"{name} names a package that does not exist: {cut(str(location))}",
        hint="Correct it; a folder is written with a slash, such as './handlers'.",
    )
