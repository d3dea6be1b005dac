"""The outbox in the tests of other projects: under Django's runner, pytest and pytest-xdist."""

import os
import re
from pathlib import Path

import pytest

from tests.settings import TEST_DATABASE
from tests.support import forked
from tests.support.entry_points import install_entry_points
from tests.support.places import ROOT, TESTS
from tests.support.subprocesses import run_python

pytestmark = pytest.mark.skipif(
    TEST_DATABASE != "sqlite", reason="The projects have databases of their own."
)


PROJECT = TESTS / "support" / "projects" / "outbox"
ALONE = ["-q", "-p", "no:cacheprovider"]


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder on the path where this app is installed as far as its entry points tell."""
    return install_entry_points(tmp_path)


def run(installed: Path, *arguments: str) -> tuple[int, str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DJANGO", "TEST_", "PYTEST"))
    }
    done = forked.run(
        arguments,
        folder=PROJECT,
        environment={
            **environment,
            "PYTHONPATH": path_with(installed),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )
    return done.returncode, done.stdout + done.stderr


def path_with(installed: Path) -> str:
    return os.pathsep.join([str(installed), str(ROOT)])


def test_unittest_under_djangos_runner(installed: Path) -> None:
    settings = "--settings=project_settings"
    status, said = run(installed, "-m", "django", "test", "unittest_cases", settings)
    assert status == 1
    assert "Ran 6 tests" in said
    assert "FAILED (failures=1)" in said, said
    assert "AssertionError: egg was not notified (title='Breakfast').\nWent out to egg:" in said
    assert "assertions.py" not in said  # the trace ends in the test


def test_pytest_finds_the_fixture(installed: Path) -> None:
    status, said = run(installed, "-m", "pytest", *ALONE, "pytest_cases.py")
    assert status == 1
    assert "1 failed, 4 passed" in said, said
    assert "E   AssertionError: ham was not notified (title='Breakfast')." in said or re.search(
        r"AssertionError: ham was not notified \(title='Breakfast'\)\.", said
    )
    assert "assertions.py" not in said


def test_workers_of_xdist_have_an_outbox_each(installed: Path) -> None:
    status, said = run(installed, "-m", "pytest", *ALONE, "-n", "2", "pytest_cases.py")
    assert status == 1
    assert "1 failed, 4 passed" in said, said


def test_projects_without_django_are_left_alone(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(
        "import sys\n"
        "def test_plain():\n"
        "    assert 'django_notification_system.testing.pytest_plugin' in sys.modules\n"
        "    assert 'django' not in sys.modules\n"
    )
    arguments = ["-m", "pytest", *ALONE, "-p", "no:django", "-p", "no:hypothesispytest"]
    # Python itself: a forked one has Django.
    done = run_python(
        *arguments,
        "test_plain.py",
        folder=tmp_path,
        environment={"PYTHONPATH": path_with(installed)},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_but_the_plugin_needs_pytest(installed: Path) -> None:
    code = (
        "import sys; sys.modules['pytest'] = None; import django;"
        " from django.conf import settings;"
        " import project_settings; import os;"
        " os.environ['DJANGO_SETTINGS_MODULE'] = 'project_settings'; django.setup();"
        " from django_notification_system.testing import use_outbox, assert_notified"
    )
    status, said = run(installed, "-c", code)
    assert status == 0, said
