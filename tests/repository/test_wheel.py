"""What a person gets from the package index: the wheel, the source archive, and their metadata."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from tests.settings import TEST_DATABASE
from tests.support.lock import pins_of_this_environment
from tests.support.places import ROOT

pytestmark = pytest.mark.skipif(
    TEST_DATABASE != "sqlite", reason="The wheel is the same on every database."
)


PACKAGE = "django_notification_system"
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".nox", "__pycache__", ".*_cache", "_build")
#: What may lie about in a work tree and must go to nobody.
LEFT_LYING_ABOUT = (
    ".env",
    "secret.key",
    "example/.env",
    "example/db.sqlite3",
    "example/__pycache__/demo.cpython-311.pyc",
    "docs/_build/index.html",
    f"{PACKAGE}/__pycache__/conf.cpython-311.pyc",
    f"{PACKAGE}/.env",
)

#: What the extras of targets install.
CLIENTS = [
    "apprise",
    "cryptography",
    "exponent_server_sdk",
    "google",
    "pywebpush",
    "requests",
    "standardwebhooks",
    "twilio",
]
SETTINGS = """
import django

SECRET_KEY = "only for this test"
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django_notification_system",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
BACKEND = "django.core.mail.backends.filebased.EmailBackend"
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": BACKEND, "OPTIONS": {"file_path": "mails"}}}
else:
    EMAIL_BACKEND = BACKEND
    EMAIL_FILE_PATH = "mails"
"""

SET_UP = """
import django

django.setup()
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.utils import timezone
from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord

call_command("check")
call_command("migrate")
call_command("makemigrations", check_changes=True, dry_run=True)
user = get_user_model().objects.create_user("egg")
for name, address in {"Email": "eggs@example.com", "Twilio": "+15005550006"}.items():
    record = TargetUserRecord.objects.create(
        user=user,
        target=NotificationTarget.objects.get(name=name),
        target_user_id=address,
        description=name,
    )
    Notification.objects.create(
        user_target=record,
        title="Fresh",
        body="from the wheel",
        status="SCHEDULED",
        scheduled_delivery=timezone.now(),
    )
"""


def run(*command: str | Path, folder: Path) -> str:
    """Run a command that must succeed, with nothing of the work tree in its environment."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "DJANGO", "TEST_"))
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source archive, and the wheel that was built from that archive."""
    source = tmp_path_factory.mktemp("source") / "project"
    shutil.copytree(ROOT, source, ignore=NOT_COPIED)
    for name in LEFT_LYING_ABOUT:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("SECRET=hunter2")
    folder = tmp_path_factory.mktemp("built")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source, folder=source)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    """The wheel's path."""
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def wheel_names(wheel: Path) -> set[str]:
    """The names of the files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(wheel: Path, wheel_names: set[str]) -> Message:
    """What the package index shows."""
    (name,) = (name for name in wheel_names if name.endswith(".dist-info/METADATA"))
    with zipfile.ZipFile(wheel) as archive:
        return message_from_bytes(archive.read(name))


@pytest.fixture(scope="module")
def python_with_wheel(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter in an environment where only the wheel was asked for."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pins = folder / "pins.txt"
    pins.write_text("\n".join(pins_of_this_environment()))
    # A quarter of Django's modules is imported, and Python compiles these by itself.
    install = ("install", "--no-compile", "--quiet", "--disable-pip-version-check", "-c", pins)
    run(sys.executable, "-m", "pip", "--python", python, *install, wheel, folder=folder)
    return python


def test_the_wheel_has_every_file_of_the_package_and_nothing_else(wheel_names: set[str]) -> None:
    in_the_tree = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / PACKAGE).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    in_the_wheel = {name for name in wheel_names if ".dist-info/" not in name}
    assert in_the_wheel == in_the_tree
    assert {
        f"{PACKAGE}/py.typed",
        f"{PACKAGE}/locale/de/LC_MESSAGES/django.mo",
        f"{PACKAGE}/migrations/0001_initial.py",
        f"{PACKAGE}/migrations/0002_auto_20201201_1720.py",
        f"{PACKAGE}/migrations/0001_squashed_0035_subscribed_records.py",
        f"{PACKAGE}/static/django_notification_system/admin.css",
        f"{PACKAGE}/templates/admin/django_notification_system/notification/preview.html",
    } <= in_the_wheel


def test_the_source_archive_has_what_its_tests_need_and_no_stray_files(built: Path) -> None:
    (archive_path,) = built.glob("*.tar.gz")
    with tarfile.open(archive_path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names.isdisjoint(LEFT_LYING_ABOUT)
    assert not [name for name in names if re.search(r"__pycache__|\.py[co]$|\.sqlite3|\.env", name)]
    assert {
        "LICENSE",
        "Makefile",
        "README.md",
        "constraints.txt",
        "noxfile.py",
        "pyproject.toml",
        "example/manage.py",
        "tests/settings.py",
        f"{PACKAGE}/py.typed",
    } <= names


def test_the_metadata_says_mit_and_nothing_else(metadata: Message, wheel_names: set[str]) -> None:
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert [name for name in wheel_names if name.endswith(".dist-info/licenses/LICENSE")]
    assert not [line for line in metadata.get_all("Classifier", []) if line.startswith("License")]


def test_only_django_and_turbohtml_are_required(metadata: Message) -> None:
    required = metadata.get_all("Requires-Dist", [])
    core = {re.split(r"[^\w-]", line)[0] for line in required if "extra ==" not in line}
    assert {name.casefold() for name in core} == {"django", "turbohtml"}


def test_the_extras_are_those_that_the_error_texts_name(metadata: Message) -> None:
    assert {"all", "expo", "progress", "testing", "twilio"} <= set(
        metadata.get_all("Provides-Extra", [])
    )


def test_pytest_is_told_of_the_plugin(wheel: Path, wheel_names: set[str]) -> None:
    (name,) = (name for name in wheel_names if name.endswith(".dist-info/entry_points.txt"))
    plugin = f"{PACKAGE}.testing.pytest_plugin"
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(name).decode() == f"[pytest11]\n{plugin} = {plugin}\n"


def test_a_project_starts_and_sends_with_the_core_dependencies_alone(
    python_with_wheel: Path, tmp_path: Path
) -> None:
    (tmp_path / "site_settings.py").write_text(SETTINGS)
    (tmp_path / "set_up.py").write_text(
        f'import os\nos.environ["DJANGO_SETTINGS_MODULE"] = "site_settings"\n{SET_UP}'
    )
    process = ("-m", "django", "process_notifications", "--settings=site_settings")
    clients = f"import importlib.util as u; print([n for n in {CLIENTS} if u.find_spec(n)])"

    assert run(python_with_wheel, "-c", clients, folder=tmp_path) == "[]\n"
    run(python_with_wheel, "set_up.py", folder=tmp_path)
    output = run(python_with_wheel, *process, folder=tmp_path)

    assert "Email Successfully Sent" in output
    assert "django-notification-system[twilio]" in output
    (mail,) = (tmp_path / "mails").iterdir()
    assert "from the wheel" in mail.read_text()
