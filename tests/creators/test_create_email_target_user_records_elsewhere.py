"""``create_email_target_user_records`` in another project, in processes of its own."""

import os
import re
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import forked
from tests.support.places import ROOT

SETTINGS = """
SECRET_KEY = "only for the tests"
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django_notification_system", "people",
]
AUTH_USER_MODEL = "people.Person"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    alias: {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{alias}.sqlite3"}
    for alias in ("default", "other")
}
"""
DATABASES = ("default", "other")
MODELS = """
import uuid
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class Person(AbstractBaseUser):
    EMAIL_FIELD = "mail"
    USERNAME_FIELD = "badge"
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    badge = models.CharField(max_length=20, unique=True)
    mail = models.CharField(max_length=400, null=True)
    nickname = models.CharField(max_length=20, default="Nick")
    objects = BaseUserManager()
"""
FULL_NAME = """

    def get_full_name(self):
        return f"{self.nickname} {self.badge}"
"""
FILL = """
import sys
import django
django.setup()
from people.models import Person
for n in range(int(sys.argv[2])):
    mail = None if n == 0 else f"person{n}@example.com"
    Person.objects.using(sys.argv[1]).create(badge=f"badge {n}", mail=mail)
"""
SHOW = """
import sys
import django
django.setup()
from django_notification_system.models import TargetUserRecord
for record in TargetUserRecord.objects.using(sys.argv[1]).order_by("target_user_id"):
    assert record.user.mail == record.target_user_id
    print(record.target_user_id, record.description, record.origin, sep=", ")
"""


class Project:
    """A Django project in a folder of its own, whose users have UUID keys and no names."""

    def __init__(self, folder: Path, migrated: Path | None, models: str = MODELS) -> None:
        self.folder = folder
        for database in DATABASES if migrated else ():
            shutil.copy(migrated, folder / f"{database}.sqlite3")
        (folder / "settings.py").write_text(SETTINGS)
        (folder / "people").mkdir()
        (folder / "people" / "__init__.py").touch()
        (folder / "people" / "models.py").write_text(models)
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "settings",
            "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
        }

    def django(self, *arguments: str) -> str:
        return self.run("-m", "django", *arguments)

    def run(self, *arguments: str) -> str:
        finished = forked.run(arguments, folder=self.folder, environment=self.environment)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    def run_on_terminal(self, terminal: int, *arguments: str) -> str:
        """Run Python with standard error on a terminal."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environment,
            check=True,
            stdout=subprocess.PIPE,
            stderr=terminal,
            text=True,
        ).stdout

    def fill(self, database: str, users: int) -> None:
        self.run("-c", FILL, database, str(users))


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database, to be copied."""
    project = Project(tmp_path_factory.mktemp("migrated"), None)
    project.django("migrate", "--run-syncdb", "--verbosity=0")
    return project.folder / "default.sqlite3"


COMMAND = "create_email_target_user_records"


@pytest.mark.parametrize(
    ("models", "name"), [(MODELS, "badge 2"), (MODELS + FULL_NAME, "Nick badge 2")]
)
def test_user_models_with_other_fields_work(
    tmp_path: Path, migrated: Path, models: str, name: str
) -> None:
    project = Project(tmp_path, migrated, models)
    project.fill("default", 7)
    line = project.django(COMMAND, "--batch-size=2")
    assert line == "6 created, 0 updated, 0 unchanged, 1 without an address, 0 invalid\n"
    shown = project.run("-c", SHOW, "default").splitlines()
    assert len(shown) == 6
    assert shown[1] == f"person2@example.com, {name}'s Email, USER EMAIL"
    assert "0 created, 0 updated, 6 unchanged" in project.django(COMMAND)


def test_another_database_is_written(tmp_path: Path, migrated: Path) -> None:
    project = Project(tmp_path, migrated)
    project.fill("default", 2)
    project.fill("other", 3)
    assert project.django(COMMAND, "--database=other").startswith("2 created")
    assert project.run("-c", SHOW, "default") == ""
    assert len(project.run("-c", SHOW, "other").splitlines()) == 2


def test_a_terminal_shows_a_progress_bar(tmp_path: Path, migrated: Path) -> None:
    pytest.importorskip("tqdm")
    termios = pytest.importorskip("termios")  # there are no pseudo-terminals on Windows
    project = Project(tmp_path, migrated)
    project.fill("default", 4)
    reading, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    try:
        told = project.run_on_terminal(terminal, "-m", "django", COMMAND)
        assert told.startswith("3 created")
        shown = ""
        while select.select([reading], [], [], 0.5)[0]:
            shown += os.read(reading, 10_000).decode()
        assert re.search(r"100%.*4/4 .*users", shown)
    finally:
        os.close(reading)
        os.close(terminal)
