"""The files in docs/howto/watch.rst run the command with options that it has, and let it end."""

import configparser
import re
import shlex

from django.core.management import load_command_class

from tests.support.documentation import DOCS

EXAMPLES = DOCS / "examples"
APP = "django_notification_system"
LONGEST_STOP_SECONDS = 10


def options_of(command_line: str) -> dict[str, object]:
    words = shlex.split(command_line)
    command, *arguments = words[words.index("manage.py") + 1 :]
    parser = load_command_class(APP, command).create_parser("manage.py", command)
    return vars(parser.parse_args(arguments))


def test_the_unit_runs_the_command_for_good_and_lets_it_end() -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign] # systemd's names have capitals
    unit.read(EXAMPLES / "process-notifications.service")
    service = unit["Service"]
    options = options_of(service["ExecStart"])
    assert options["watch"] is True
    assert options["verbosity"] == 0
    assert service["ExecStart"].startswith(service["WorkingDirectory"])
    assert "KillSignal" not in service  # SIGTERM, which the command heeds
    assert int(service["TimeoutStopSec"]) > LONGEST_STOP_SECONDS


def test_the_container_runs_the_same_command() -> None:
    text = (EXAMPLES / "compose.yaml").read_text()
    (command,) = re.findall(r"command: (.+)", text)
    assert options_of(command)["watch"] is True
    (seconds,) = re.findall(r"stop_grace_period: (\d+)s", text)
    assert int(seconds) > LONGEST_STOP_SECONDS
