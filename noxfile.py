"""The tests on every supported pair of Python and Django, each on every database.

``TEST_DATABASES="sqlite postgresql"`` chooses databases; arguments after ``--`` go to pytest.
"""

import os
import shutil
import subprocess

import nox

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "virtualenv"

PAIRS = [
    nox.param("3.11", "5.2", id="python-3.11-django-5.2"),
    nox.param("3.12", "6.0", id="python-3.12-django-6.0"),
    nox.param("3.13", "6.1", id="python-3.13-django-6.1"),
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
    session.install("--group", "test", "--editable", ".[all]", f"Django~={django}.0")
    session.run("python", "-m", "tests.run_databases", *session.posargs)
