"""The README and the changelog: their commands work, and what they show is what one gets."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from django_notification_system import __version__, notify
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.testing.smtp import SmtpStandIn
from tests.settings import TEST_DATABASE
from tests.support import forked
from tests.support.documentation import README, blocks_of_readme, own_environment
from tests.support.mail_backends import HAS_MAILERS, SMTP
from tests.support.places import ROOT

CHANGELOG = (ROOT / "CHANGELOG.md").read_text()

only_once = pytest.mark.skipif(
    TEST_DATABASE != "sqlite", reason="It has a database of its own, the same each time."
)


def type_line(folder: Path, line: str) -> str:
    """Type a line of the README, and return what is printed."""
    program, *arguments = shlex.split(line)
    assert program == "python"
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=own_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}"
    return done.stdout


def prepare(folder: Path, *arguments: str, **environment: str) -> None:
    """Do what the README's reader has done before."""
    done = forked.run(arguments, folder=folder, environment={**own_environment(), **environment})
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"


def test_every_block_is_one_that_is_tested() -> None:
    assert len(blocks_of_readme("")) == 2  # the demo's output: tests/docs/test_demo.py
    assert len(blocks_of_readme("sh")) == 2
    assert len(blocks_of_readme("python")) == 2
    assert README.count("```") == 2 * 6


def test_make_has_the_targets_that_are_named() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"\bmake ([a-z]+)(?=`|   )", README))
    assert {"demo", "test", "serve", "docs"} <= targets
    assert {target for target in targets if not re.search(rf"^{target}:", makefile, re.M)} == set()


@only_once
def test_six_lines_install_it_and_mail_nobody_else(tmp_path: Path) -> None:
    prepare(tmp_path, "-m", "django", "startproject", "mysite", ".")
    with SmtpStandIn() as mail_server:
        with (tmp_path / "mysite" / "settings.py").open("a") as settings:
            settings.write('INSTALLED_APPS += ["django_notification_system"]\n')
            settings.write(mail_settings(mail_server.host, mail_server.port))
        prepare(tmp_path, "manage.py", "migrate")
        prepare(
            tmp_path,
            "manage.py",
            "createsuperuser",
            "--noinput",
            "--username=egg",
            "--email=eggs@example.com",
            DJANGO_SUPERUSER_PASSWORD="benedict",
        )
        prepare(
            tmp_path,
            "manage.py",
            "shell",
            "-c",
            "from django.contrib.auth.models import User;"
            "User.objects.create_user('customer', 'customer@example.com')",
        )
        install, *lines = blocks_of_readme("sh")[0].splitlines()
        assert install == "pip install 'django-notification-system[all]>=2.0'"
        assert len(lines) == 5
        for line in lines:
            output = type_line(tmp_path, line)
        assert "Email Successfully Sent" in output
        assert [(email["To"], email["Subject"]) for email in mail_server.received] == [
            ("eggs@example.com", "Test notification"),
            ("eggs@example.com", "Hello"),
        ]
    for line in blocks_of_readme("sh")[1].splitlines():
        type_line(tmp_path, line)


def mail_settings(host: str, port: int) -> str:
    if not HAS_MAILERS:
        return f"EMAIL_HOST, EMAIL_PORT = {host!r}, {port}\n"
    options = {"host": host, "port": port}
    return f"MAILERS = {{'default': {{'BACKEND': {SMTP!r}, 'OPTIONS': {options}}}}}\n"


def test_example_in_python_notifies(records: dict[str, TargetUserRecord]) -> None:
    source, _of_a_type = blocks_of_readme("python")  # the other: tests/docs/test_types.py
    exec(source, {"user": records["Email"].user, "notify": notify})
    assert set(Notification.objects.values_list("title", flat=True)) == {"Breakfast is ready"}
    assert Notification.objects.count() == 3


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)]+)\)", README + CHANGELOG)
    links += re.findall(r"`(docs/[\w/.]+)`", CHANGELOG)
    assert len(links) > 8
    assert {link for link in links if not (ROOT / link).exists()} == set()


def test_changelog_has_this_version() -> None:
    assert f"\n## {__version__} " in CHANGELOG
