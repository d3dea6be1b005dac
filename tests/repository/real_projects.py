"""This app in real projects: ``python -m tests.repository.real_projects FOLDER``.

The folder, or ``REAL_PROJECTS`` in the environment, has a checkout of each project by the
project's name, with an environment that has its requirements and this app's in ``.venv``. Nothing
is fetched; a project that is absent is skipped. For each project the app is added to the settings,
and ``tests/support/projects/real/walk.py`` does the rest. The exit status is the number of
projects that failed.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.places import ROOT, TESTS
from tests.support.scratch_databases import scratch_database
from tests.support.subprocesses import run_python

WALK = TESTS / "support" / "projects" / "real" / "walk.py"


@dataclass(frozen=True, kw_only=True)
class RealProject:
    """Where a project keeps its settings.

    Attributes:
        name: The folder of the checkout.
        settings: The module of the settings.
        source: The folder within the checkout that ``manage.py`` is started from.
        environment: The variables that the project asks for. ``{scratch}`` becomes a folder.
        vendor: The only database that the project's migrations run on, if not SQLite.
    """

    name: str
    settings: str
    source: str = "."
    environment: Mapping[str, str] = field(default_factory=dict)
    vendor: str = "sqlite"


REAL_PROJECTS = (
    RealProject(name="healthchecks", settings="hc.settings"),
    RealProject(
        name="cookiecutter-django",  # the project that the template makes, not the template
        settings="config.settings.test",
        environment={"DATABASE_URL": "sqlite:///{scratch}/own.sqlite3"},
        vendor="postgresql",
    ),
    RealProject(
        name="pretalx",
        settings="pretalx.settings",
        source="src",
        environment={"PRETALX_DATA_DIR": "{scratch}"},
    ),
    RealProject(name="openwisp-users", settings="openwisp2.settings", source="tests"),
    RealProject(
        name="formula",  # the demo of django-unfold
        settings="formula.settings",
        environment={"DEBUG": "1"},  # without it the demo refuses every change
    ),
    RealProject(name="bakerydemo", settings="bakerydemo.settings.dev"),
)


def walk(project: RealProject, checkout: Path, python: str | Path) -> tuple[bool, str]:
    """Walk through a project; tell whether everything worked, and return the printed text.

    Args:
        project: The project.
        checkout: The folder of the checkout.
        python: The interpreter of the project's environment.
    """
    with (
        TemporaryDirectory() as scratch,
        scratch_database(project.vendor, Path(scratch)) as database,
    ):
        own = {name: text.format(scratch=scratch) for name, text in project.environment.items()}
        done = run_python(
            str(WALK),
            "test",  # openwisp-users looks for its command
            folder=checkout / project.source,
            python=python,
            environment={
                **own,
                "PYTHONPATH": os.pathsep.join(
                    map(str, (checkout / project.source, checkout, ROOT))
                ),
                "DJANGO_SETTINGS_MODULE": "with_notifications",
                "REAL_SETTINGS": project.settings,
                "REAL_DATABASE": json.dumps(database),
            },
        )
    failed = done.returncode != 0
    return not failed, done.stdout + (f"\n{done.stderr}" if failed else "")


def main(folder: Path, projects: Sequence[RealProject] = REAL_PROJECTS) -> int:
    """Walk through each project in a folder; return the number of projects that failed."""
    failures = 0
    for project in projects:
        checkout = folder / project.name
        python = checkout / ".venv" / "bin" / "python"
        if not python.exists():
            print(f"{project.name}: skipped, there is no {python}")  # noqa: T201
            continue
        worked, text = walk(project, checkout, python)
        failures += not worked
        print(f"{project.name}: {'works' if worked else 'FAILED'}\n{text}", flush=True)  # noqa: T201
    return failures


if __name__ == "__main__":
    folders = sys.argv[1:] or [os.environ.get("REAL_PROJECTS", "")]
    if not folders[0]:
        sys.exit("Give the folder of the checkouts, or set REAL_PROJECTS.")
    sys.exit(main(Path(folders[0]).absolute()))
