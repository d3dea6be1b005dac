"""The README and the changelog: their commands work, and what they show is what one gets."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from django_notification_system import __version__, notify
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.testing.smtp import SmtpStandIn
from tests.settings import TEST_DATABASE
from tests.support.documentation import README, blocks_of_readme
from tests.support.mail_backends import HAS_MAILERS, SMTP
from tests.support.places import ROOT

CHANGELOG = (ROOT / "CHANGELOG.md").read_text()

only_once = pytest.mark.skipif(
    TEST_DATABASE != "sqlite", reason="It has a database of its own, the same each time."
)


def run(folder: Path, *arguments: str, **environment: str) -> str:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DJANGO", "EXAMPLE", "TEST_"))
    }
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, f"{arguments}\n{done.stdout}"
    return done.stdout


def steady(output: str) -> str:
    """Return output without the times, and with blocks in one order: they come side by side."""
    output = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00", "TIME", output)
    *attempts, rest = re.split(r"(?<=\*{33}\n)", output)
    return "".join(sorted(attempts)) + rest


def test_every_block_is_one_that_is_tested_here() -> None:
    assert len(blocks_of_readme("")) == 2
    assert len(blocks_of_readme("sh")) == 2
    assert len(blocks_of_readme("python")) == 2
    assert README.count("```") == 2 * 6


@only_once
def test_output_of_the_demo_is_the_real_one(tmp_path: Path) -> None:
    example = tmp_path / "example"
    shutil.copytree(ROOT / "example", example, ignore=shutil.ignore_patterns("*.sqlite3*"))
    output = run(example, "demo.py")
    command, _, shown = blocks_of_readme("")[1].partition("\n")
    assert command == "$ python manage.py process_notifications"
    printed = output.partition(f"{command}\n")[2].partition("\nWhat arrived:")[0]
    assert steady(printed) == steady(shown)


def test_make_has_the_targets_that_are_named() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"\bmake ([a-z]+)(?=`|   )", README))
    assert {"demo", "test", "serve", "docs"} <= targets
    assert {target for target in targets if not re.search(rf"^{target}:", makefile, re.M)} == set()


@only_once
def test_six_lines_install_it_and_mail_nobody_else(tmp_path: Path) -> None:
    run(tmp_path, "-m", "django", "startproject", "mysite", ".")
    with SmtpStandIn() as mail_server:
        with (tmp_path / "mysite" / "settings.py").open("a") as settings:
            settings.write('INSTALLED_APPS += ["django_notification_system"]\n')
            settings.write(mail_settings(mail_server.host, mail_server.port))
        run(tmp_path, "manage.py", "migrate")
        run(
            tmp_path,
            "manage.py",
            "createsuperuser",
            "--noinput",
            "--username=egg",
            "--email=eggs@example.com",
            DJANGO_SUPERUSER_PASSWORD="benedict",
        )
        run(
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
            program, *arguments = shlex.split(line)
            assert program == "python"
            output = run(tmp_path, *arguments)
        assert "Email Successfully Sent" in output
        assert [(email["To"], email["Subject"]) for email in mail_server.received] == [
            ("eggs@example.com", "Test notification"),
            ("eggs@example.com", "Hello"),
        ]
    for line in blocks_of_readme("sh")[1].splitlines():
        run(tmp_path, *shlex.split(line)[1:])


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
