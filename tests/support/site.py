"""Small projects in processes of their own, with databases and stand-ins."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from django_notification_system.testing.providers import ProviderStandIn
from django_notification_system.testing.smtp import SmtpStandIn
from tests.settings import TEST_DATABASE
from tests.support.forked import run
from tests.support.places import ROOT, TESTS
from tests.support.scratch_databases import copied_database, scratch_database
from tests.support.subprocesses import environment_of

SITE = TESTS / "support" / "projects" / "site"

_HANDLERS = "django_notification_system.notification_handlers"
_EACH = tuple(f"{_HANDLERS}.{name}.sending" for name in ("email", "twilio", "expo"))
#: By settings: what is loaded once for all processes of such projects. Others load themselves what
#: depends on their environment.
LOADED = {
    **{name: (name, *_EACH) for name in ("plain", "other_user_model", "local_time")},
    "two_databases": ("two_databases", *_EACH),
    "email_only": ("email_only", _EACH[0]),
}


class Done(NamedTuple):
    """A command that was run.

    Attributes:
        output: What the command printed.
        statuses: How many notifications have each status afterwards.
    """

    output: str
    statuses: dict[str, int]


@dataclass(frozen=True)
class Project:
    """A project's settings and databases, and the stand-ins that it sends to."""

    settings: str
    databases: dict[str, Any]
    mail: SmtpStandIn
    providers: ProviderStandIn

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the project, and expect it to succeed."""
        whole = environment_of({**self.environment, **environment})
        result = run(arguments, folder=SITE, environment=whole, loaded=self.loaded)
        assert result.returncode == 0, result.stderr
        return result

    def manage(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a management command."""
        return self.run("-m", "django", *arguments, **environment)

    def manage_all(self, *commands: str) -> list[Done]:
        """Run management commands in one process: what a command does, no start changes."""
        arguments = json.dumps([command.split() for command in commands])
        done = json.loads(self.run("commands.py", arguments).stdout)
        return [Done(output, statuses) for output, statuses in done]

    @property
    def loaded(self) -> tuple[str, ...]:
        """What the processes need not load themselves; see ``forked.start``."""
        return LOADED.get(self.settings, ())

    @property
    def environment(self) -> dict[str, str]:
        """What the project's processes are told."""
        return {
            "DJANGO_SETTINGS_MODULE": self.settings,
            "PYTHONPATH": str(ROOT),
            "PROJECT_DATABASES": json.dumps(self.databases),
            "PROJECT_MAIL_PORT": str(self.mail.port),
            "PROJECT_PROVIDERS_URL": self.providers.url,
        }

    def shell(self, code: str) -> str:
        """Run code that has the models, and return what it prints."""
        lines = (
            "import django; django.setup()",
            "from datetime import *",
            "from django.utils import timezone",
            "from django_notification_system.models import *",
            code,
        )
        return self.run("-c", "\n".join(lines)).stdout

    def received(self) -> Counter[str]:
        """Return how many messages each address got."""
        return Counter(
            [mail["To"] for mail in self.mail.received]
            + [message.to for message in self.providers.received]
        )

    def statuses(self) -> dict[str, int]:
        """Return how many notifications have each status."""
        code = "print(*Notification.objects.values_list('status', flat=True), sep='\\n')"
        return dict(Counter(self.shell(code).splitlines()))

    def claimed(self) -> int:
        """Return how many notifications some run holds."""
        return int(self.shell("print(Notification.objects.exclude(claim_token=None).count())"))


class SetUp:
    """Projects that were set up for the tests of this module, each of which gets a copy."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._databases: dict[str, dict[str, Any]] = {}

    def databases(self, settings: str, aliases: tuple[str, ...]) -> dict[str, Any]:
        """Return the databases of a project, which nobody is connected to."""
        if settings not in self._databases:
            databases = {
                alias: self._stack.enter_context(scratch_database(TEST_DATABASE, self._folder))
                for alias in aliases
            }
            with SmtpStandIn() as mail, ProviderStandIn() as providers:
                Project(settings, databases, mail, providers).run("set_up.py")
            self._databases[settings] = databases
        return self._databases[settings]


@pytest.fixture(scope="module")
def set_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SetUp]:
    with ExitStack() as stack:
        yield SetUp(tmp_path_factory.mktemp("projects"), stack)


@pytest.fixture
def start_project(set_up: SetUp, tmp_path: Path) -> Iterator[Callable[..., Project]]:
    """A function that starts a project, by the name of its settings, with filled tables."""
    with ExitStack() as stack:

        def start(settings: str, aliases: tuple[str, ...] = ("default",)) -> Project:
            databases = {
                alias: stack.enter_context(copied_database(TEST_DATABASE, tmp_path, original))
                for alias, original in set_up.databases(settings, aliases).items()
            }
            mail = stack.enter_context(SmtpStandIn())
            providers = stack.enter_context(ProviderStandIn())
            return Project(settings, databases, mail, providers)

        yield start
