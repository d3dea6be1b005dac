"""The rivals' environments: built when first needed, kept in ``.nox/``."""

import shutil
import subprocess
import sys
import uuid
from functools import cache
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / ".nox"
DJANGO = "Django==5.2.*"
#: A rival's requirements, by the name of its program in ``contenders/``.
REQUIREMENTS = {
    "rival_release": ("django-notification-system==1.5.3", DJANGO, "psycopg[binary]", "six"),
    "rival_post_office": ("django-post_office", DJANGO, "psycopg[binary]", "html2text"),
    "rival_mailer": ("django-mailer", DJANGO, "psycopg[binary]", "html2text"),
    "rival_celery": ("celery[redis]", DJANGO, "html2text"),
}


class CannotInstall(Exception):
    """A rival cannot be had here; the text says why."""


@cache
def interpreter(program: str) -> Path:
    """Return the interpreter for a contender: the present, or the rival's own.

    Raises:
        CannotInstall: When pip cannot install the rival.
    """
    if program not in REQUIREMENTS:
        return Path(sys.executable)
    if program == "rival_celery" and shutil.which("redis-server") is None:
        raise CannotInstall("there is no redis-server here")
    environment = CACHE / f"benchmark_{program}"
    python = environment / "bin" / "python"
    if not python.exists():
        _build(environment, REQUIREMENTS[program])
    return python


def version(program: str) -> str:
    """Return the version of an installed rival."""
    name = REQUIREMENTS[program][0].partition("[")[0].partition("==")[0]
    script = f"from importlib.metadata import version; print(version({name!r}))"
    finished = subprocess.run(
        [interpreter(program), "-c", script], check=True, capture_output=True, text=True
    )
    return finished.stdout.strip()


def _build(environment: Path, requirements: tuple[str, ...]) -> None:
    """Build an environment beside its place, then move it there: a place is whole or empty."""
    building = CACHE / f"building-{uuid.uuid4().hex[:8]}"
    try:
        subprocess.run([sys.executable, "-m", "venv", building], check=True)
        install = subprocess.run(
            [
                *(building / "bin" / "python", "-m", "pip", "install", "--quiet"),
                *("--disable-pip-version-check", "--retries", "1", *requirements),
            ],
            capture_output=True,
            text=True,
        )
        if install.returncode:
            raise CannotInstall(install.stderr.strip().splitlines()[-1])
        building.rename(environment)
    finally:
        shutil.rmtree(building, ignore_errors=True)
