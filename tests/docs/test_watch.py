"""The files for a process that stays run commands with options that they have, and let it end."""

import configparser
import re
import shlex

import pytest
import yaml
from django.core.management import load_command_class

from tests.support.documentation import DOCS

EXAMPLES = DOCS / "examples"
APP = "django_notification_system"
LONGEST_STOP_SECONDS = 10


def options_of(command_line: str) -> dict[str, object]:
    return options_in(shlex.split(command_line))


def options_in(words: list[str]) -> dict[str, object]:
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


def test_the_containers_health_check_asks_for_what_is_overdue() -> None:
    service = yaml.safe_load((EXAMPLES / "compose.yaml").read_text())["services"]["notifications"]
    assert options_of(service["healthcheck"]["test"])["max_age"] is not None


def test_the_pod_runs_the_same_command_and_is_probed() -> None:
    deployment = yaml.safe_load((EXAMPLES / "kubernetes.yaml").read_text())
    template = deployment["spec"]["template"]
    assert deployment["spec"]["selector"]["matchLabels"] == template["metadata"]["labels"]
    pod = template["spec"]
    [container] = pod["containers"]
    assert options_in(container["args"])["watch"] is True
    assert pod["terminationGracePeriodSeconds"] > LONGEST_STOP_SECONDS
    assert options_in(container["readinessProbe"]["exec"]["command"])["max_age"] is not None
    assert "livenessProbe" not in container  # a restart does not help against a slow provider


def test_the_dyno_runs_the_same_command() -> None:
    processes = yaml.safe_load((EXAMPLES / "heroku.Procfile").read_text())
    options = options_of(processes["notifications"])
    assert (options["watch"], options["verbosity"]) == (True, 0)


@pytest.mark.parametrize("page", ["systemd", "docker", "kubernetes", "heroku"])
def test_the_page_of_the_process_leads_to_each_platform(page: str) -> None:
    assert f":doc:`{page}`" in (DOCS / "howto" / "watch.rst").read_text()
