"""The tests on every supported pair of Python and Django, each on every database.

A pair gets the releases that constraints.txt has for its Python, Django's among them.
``TEST_DATABASES="sqlite postgresql"`` chooses databases; arguments after ``--`` go to pytest.
"""

import os
import shutil
import subprocess

import nox

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "virtualenv"
nox.options.sessions = ["tests"]

#: With these options pip installs what is locked, to build this package with, too.
LOCKED = ("--constraint", "constraints.txt", "--build-constraint", "constraints.txt")
WHAT_THE_TESTS_NEED = ("--group", "test", "--editable", ".[all]")

PAIRS = [
    nox.param("3.11", "5.2", id="python-3.11-django-5.2"),
    nox.param("3.12", "6.0", id="python-3.12-django-6.0"),
    nox.param("3.13", "6.1", id="python-3.13-django-6.1"),
    # README and classifiers leave 3.14 out until this pair has passed.
    nox.param("3.14", "6.1", id="python-3.14-django-6.1"),
]


def let_pyenv_offer_all() -> None:
    """Let pyenv offer every Python that it has installed, not only the one in use."""
    pyenv = shutil.which("pyenv")
    if pyenv is None or "PYENV_VERSION" in os.environ:
        return
    listing = subprocess.run([pyenv, "versions", "--bare"], capture_output=True, text=True)
    versions = [line for line in listing.stdout.split() if line.startswith("3.1")]
    if versions:
        os.environ["PYENV_VERSION"] = ":".join(versions)


let_pyenv_offer_all()


@nox.session
@nox.parametrize("python,django", PAIRS)
def tests(session: nox.Session, django: str) -> None:
    """Run the tests with one pair, on each database in turn."""
    session.install("--constraint", "constraints.txt", "pip")
    session.install(*LOCKED, *WHAT_THE_TESTS_NEED, f"Django~={django}.0")
    session.run("python", "-m", "tests.run_databases", *session.posargs)


@nox.session
def newest(session: nox.Session) -> None:
    """Run the tests with the newest release of everything, whatever is locked."""
    session.install("--upgrade", "pip")
    session.install("--upgrade", "--upgrade-strategy", "eager", *WHAT_THE_TESTS_NEED)
    session.run("python", "-m", "tests.run_databases", *session.posargs)
