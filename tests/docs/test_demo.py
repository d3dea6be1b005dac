"""The example project: what `make demo` shows, and what `make serve` opens."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import pytest

from tests.settings import TEST_DATABASE
from tests.support import forked
from tests.support.documentation import blocks_of_readme
from tests.support.places import ROOT
from tests.support.ports import free_port

pytestmark = pytest.mark.skipif(
    TEST_DATABASE != "sqlite", reason="The example has a database of its own."
)


#: The documented output of one notification, word for word; only the time is the run's own.
BLOCK = r"""egg - (?P<moment>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00) - SCHEDULED
Test notification for Eggs Benedict - lorem ipsum\.\.\.
(?P<response>.+)
\*{33}
"""
RESPONSES = (
    "SMS Successfully sent!",
    "Email Successfully Sent",
    "Notification Successfully Pushed!",
)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A copy of the example project, so that a person's own demo stays as it is."""
    return copy_of_example(tmp_path)


def copy_of_example(folder: Path) -> Path:
    """Return a copy of the example project, without a database."""
    copy = folder / "example"
    shutil.copytree(ROOT / "example", copy, ignore=shutil.ignore_patterns("*.sqlite3*"))
    return copy


def environment() -> dict[str, str]:
    """The environment of a person who has just cloned the project."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DJANGO", "EXAMPLE", "TEST_"))
    }
    return {**kept, "PYTHONPATH": str(ROOT)}


def run(example: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the example."""
    whole = {**environment(), **variables}
    return forked.run(arguments, folder=example, environment=whole, timeout=600)


class Demos(NamedTuple):
    """Two demos, one after the other in the same folder.

    Attributes:
        first: What the first prints, errors included.
        started: When the second was started.
        second: The second, with output and errors apart.
        example: The folder.
    """

    first: str
    started: datetime
    second: subprocess.CompletedProcess[str]
    example: Path


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Demos:
    """What `make demo` does, twice; once for the tests of what a demo prints and leaves.

    The first starts Python itself, as a person does.
    """
    example = copy_of_example(tmp_path_factory.mktemp("demos"))
    first = subprocess.run(
        [sys.executable, "demo.py"],
        cwd=example,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    assert first.returncode == 0, first.stdout
    started = datetime.now(UTC).replace(microsecond=0)
    return Demos(first.stdout, started, run(example, "demo.py"), example)


def test_a_second_demo_begins_anew(demos: Demos) -> None:
    assert demos.second.stdout.count("*" * 33) == 3
    with closing(sqlite3.connect(demos.example / "db.sqlite3")) as database:
        rows = database.execute("SELECT status FROM notification_system_notification").fetchall()
        titles = database.execute("SELECT title FROM notification_system_inbox_event").fetchall()
    # The fourth is the email of the message at the bell, should nobody read it there.
    assert sorted(rows) == [("DELIVERED",)] * 3 + [("SCHEDULED",)]
    assert titles == [("Your Eggs Benedict is ready",)]


def test_the_readme_shows_the_output_of_a_demo(demos: Demos) -> None:
    command, _, shown = blocks_of_readme("")[1].partition("\n")
    assert command == "$ python manage.py process_notifications"
    printed = demos.first.partition(f"{command}\n")[2].partition("\nWhat arrived:")[0]
    assert steady(printed) == steady(shown)


def steady(output: str) -> str:
    """Return output without the times, and with blocks in one order: they come side by side."""
    output = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00", "TIME", output)
    *attempts, rest = re.split(r"(?<=\*{33}\n)", output)
    return "".join(sorted(attempts)) + rest


def test_a_demo_prints_the_documented_output_and_what_arrived(demos: Demos) -> None:
    done = demos.second
    assert done.returncode == 0, done.stderr

    _, command, after = done.stdout.partition("$ python manage.py process_notifications\n")
    output, heading, arrived = after.partition("\nWhat arrived:\n")
    assert command
    assert heading
    blocks = list(re.finditer(BLOCK, output))
    assert "".join(block[0] for block in blocks) == output
    # The three are sent side by side, so which one is done first is not said.
    assert sorted(block["response"] for block in blocks) == sorted(RESPONSES)
    for block in blocks:
        due = datetime.fromisoformat(block["moment"])
        assert demos.started <= due <= demos.started + timedelta(minutes=2)
    assert done.stderr == "3 Delivered\n"

    assert "from +15005550006 to +15558675310" in arrived
    assert "from notifications@example.com to eggs@example.com" in arrived
    assert "to ExponentPushToken[eggs-benedict]" in arrived
    assert arrived.count("lorem ipsum...") == 3
    # The newsletter's link leads to a page that `make serve` serves.
    assert re.search(r"http://127\.0\.0\.1:8000/n/u/\S+/", arrived)
    assert "http://127.0.0.1:8000/admin/ - user egg, password benedict" in arrived
    assert "http://127.0.0.1:8000/inbox/ - " in arrived


def test_the_busy_day_has_a_database_of_its_own_that_is_made_anew(example: Path) -> None:
    for _ in range(2):
        done = run(example, "demo.py", "--only-make-busy-day", EXAMPLE_DATABASE="busy_day.sqlite3")
        assert done.returncode == 0, done.stderr
        assert "user egg, password benedict" in done.stdout
    assert not (example / "db.sqlite3").exists()
    with closing(sqlite3.connect(example / "busy_day.sqlite3")) as database:
        query = "SELECT status, COUNT(*) FROM notification_system_notification GROUP BY status"
        rows = dict(database.execute(query).fetchall())
    assert rows["DELIVERED"] > 200
    assert rows["DELIVERY FAILURE"] >= 4
    # The last is the email of the message at the bell.
    assert sum(rows.values()) == 288 + 5 + 4 + 1 + 1


@pytest.mark.parametrize(
    ("busy", "database", "option"),
    [
        ("", "db.sqlite3", "--only-make-database"),
        ("1", "busy_day.sqlite3", "--only-make-busy-day"),
    ],
)
def test_make_serve_opens_the_database_that_it_makes(
    busy: str, database: str, option: str, tmp_path: Path
) -> None:
    said = tmp_path / "python"  # in Python's place: it says how it was called
    said.write_text('#!/bin/sh\necho "$EXAMPLE_DATABASE" "$@"\n')
    said.chmod(0o755)
    command = ["make", "--silent", f"BUSY={busy}", f"BIN={tmp_path}", "-o", ".venv/.project"]
    done = subprocess.run(
        [*command, "serve"], cwd=ROOT, env=environment(), capture_output=True, text=True
    )
    assert done.stdout.splitlines() == [
        f"{database} example/demo.py {option}",
        f"{database} example/manage.py runserver 127.0.0.1:8000",
    ], done.stderr


@pytest.fixture(scope="module")
def served_example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy that ``admin_url`` serves."""
    return copy_of_example(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def admin_url(served_example: Path) -> Iterator[str]:
    """What `make serve` does, on a port that is free; once for the tests that visit the site."""
    made = run(served_example, "demo.py", "--only-make-database")
    assert made.returncode == 0, made.stderr
    address = f"127.0.0.1:{free_port()}"
    server = subprocess.Popen(
        [sys.executable, "manage.py", "runserver", "--noreload", address],
        cwd=served_example,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://{address}/admin/"
    finally:
        server.terminate()
        server.wait(120)


def test_the_admin_opens_with_the_demo_login(admin_url: str) -> None:
    browser = build_opener(HTTPCookieProcessor(CookieJar()))
    _log_in(browser, admin_url)

    page = _get(browser, f"{admin_url}django_notification_system/usertarget/")
    assert "User Targets" in page
    for address in ("+15558675310", "eggs@example.com", "ExponentPushToken[eggs-benedict]"):
        assert address in page


def test_the_inbox_opens_with_the_demo_login(admin_url: str) -> None:
    browser = build_opener(HTTPCookieProcessor(CookieJar()))
    _log_in(browser, admin_url)
    page = _get(browser, admin_url.replace("/admin/", "/inbox/"))
    assert 'class="inbox-bell"' in page
    assert "Come to table 4, Eggs, while it is hot." in page


def test_the_newsletters_link_opens_after_the_demo(
    admin_url: str, served_example: Path, demos: Demos
) -> None:
    link = re.search(r"http://127\.0\.0\.1:8000(/n/u/\S+/)", demos.second.stdout)
    assert link
    # What the demo left is served; `make serve` leaves a database that is there as it is.
    (served_example / "db.sqlite3").unlink(missing_ok=True)
    shutil.copy(demos.example / "db.sqlite3", served_example)
    served = run(served_example, "demo.py", "--only-make-database")
    assert served.returncode == 0, served.stderr
    page = _get(build_opener(), admin_url.removesuffix("/admin/") + link[1])
    assert "Unsubscribe from “Newsletter”?" in page


def _log_in(browser: OpenerDirector, admin_url: str) -> None:
    form = _get(browser, f"{admin_url}login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
    assert token
    login = {
        "csrfmiddlewaretoken": token[1],
        "username": "egg",
        "password": "benedict",
        "next": "/admin/",
    }
    browser.open(f"{admin_url}login/", urlencode(login).encode()).close()


def _get(browser: OpenerDirector, url: str) -> str:
    until = time.monotonic() + 120
    while True:
        try:
            with browser.open(url) as response:
                return str(response.read().decode())
        except URLError as error:
            if isinstance(error, HTTPError) or time.monotonic() > until:
                raise
            time.sleep(0.1)
