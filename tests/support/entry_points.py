"""The app's entry points, as an installed package has them."""

import tomllib
from pathlib import Path

from tests.support.places import ROOT


def install_entry_points(folder: Path) -> Path:
    """Return a folder for the path, by which Python finds the app's entry points.

    The entry points are those in pyproject.toml now, not at the day of the installation.
    """
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lines = [
        line
        for group, entries in pyproject["project"]["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {module}" for name, module in entries.items()))
    ]
    metadata = folder / "installed" / "django_notification_system_as_it_is-2.dist-info"
    metadata.mkdir(parents=True)
    name = "Metadata-Version: 2.1\nName: django-notification-system-as-it-is\nVersion: 2\n"
    (metadata / "METADATA").write_text(name)
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    return metadata.parent
