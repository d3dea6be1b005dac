"""The tutorial's second chapter, done as it is written: a type for inbox and email."""

import re
import shlex
from pathlib import Path

import pytest

from django_notification_system.testing.providers import ProviderStandIn
from django_notification_system.testing.smtp import SmtpStandIn
from tests.settings import TEST_DATABASE
from tests.support import forked
from tests.support.documentation import DOCS, EXAMPLES, own_environment

TEMPLATES = "kitchen/templates/kitchen/breakfast_ready"
#: Where the page says that its files go; the settings' lines are appended.
PLACES = {
    "type_settings.py": "mysite/settings.py",
    "kitchen_types.py": "kitchen/notification_types.py",
    "title.txt": f"{TEMPLATES}/title.txt",
    "text.txt": f"{TEMPLATES}/text.txt",
}
STEP = re.compile(
    r"^ *(?:\$ python (?P<command>.+)|\.\. literalinclude:: (?P<file>\S+))$", re.MULTILINE
)


@pytest.mark.skipif(TEST_DATABASE != "sqlite", reason="The tutorial has a database of its own.")
def test_the_second_chapter_works_as_it_is_written(tmp_path: Path) -> None:
    def python(*arguments: str) -> str:
        done = forked.run(arguments, folder=tmp_path, environment=own_environment())
        assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    page = (DOCS / "tutorial_type.rst").read_text()
    said = ""
    with SmtpStandIn() as mail_server, ProviderStandIn() as providers:
        python("-m", "django", "startproject", "mysite", ".")
        first = (EXAMPLES / "tutorial_settings.py").read_text()
        first = first.replace("1025", str(mail_server.port)).replace("8025", str(providers.port))
        append(tmp_path / "mysite/settings.py", first)
        python("manage.py", "migrate")
        python("manage.py", "shell", "-c", (EXAMPLES / "add_person.py").read_text())
        for step in STEP.finditer(page):
            if step["command"]:
                said += python(*shlex.split(step["command"]))
                continue
            source = (DOCS / step["file"]).read_text()
            name = Path(step["file"]).name
            if name == "notify_of_breakfast.py":
                said += python("manage.py", "shell", "-c", source)
            else:
                append(tmp_path / PLACES[name], source)
    assert "In the inbox: Eggs Benedict is ready" in said
    assert "``In the inbox: Eggs Benedict is ready``" in page
    assert "1 Delivered" in said
    assert [mail["Subject"] for mail in mail_server.received] == ["Eggs Benedict is ready"] * 2
    assert all("Come while it is hot." in mail.text for mail in mail_server.received)
    assert providers.received == []


def append(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(text)
