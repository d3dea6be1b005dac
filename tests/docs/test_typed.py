"""Each how-to, typed from top to bottom into a project of its own, as a reader types it."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import django
import pytest

from django_notification_system.notification_handlers.webpush.vapid import make_private_key
from django_notification_system.testing.providers import ProviderStandIn
from django_notification_system.testing.smtp import SmtpStandIn
from tests.nightly import NIGHTLY
from tests.settings import TEST_DATABASE
from tests.support import forked, started
from tests.support.documentation import DOCS, EXAMPLES, steady
from tests.support.places import ROOT
from tests.support.ports import free_port
from tests.support.runs import wait_until
from tests.support.started import heeds_sigterm, listens
from tests.support.terminal import Terminal, on_terminal

pytestmark = pytest.mark.skipif(
    TEST_DATABASE != "sqlite", reason="The project that is typed has a database of its own."
)

#: A person starts Python; a fork of it is the same, which ``repository/test_forked.py`` holds.
start = started.start if NIGHTLY else forked.start
HAS_MAILERS = django.VERSION >= (6, 1)
PAGES = sorted(path.stem for path in (DOCS / "howto").glob("*.rst") if path.stem != "index")
#: A line that is typed, a line of a crontab, or a file that the page shows.
STEP = re.compile(
    r"^ *(?:\$ (?P<command>.+)|(?:\S+ ){2}\* \* \*.*?manage\.py (?P<cron>.+)"
    r"|\.\. literalinclude:: (?P<file>\S+))$",
    re.MULTILINE,
)
#: Programs that are no part of the project; other tests try what can be tried of them.
OTHER_PROGRAMS = ("celery", "heroku", "kubectl", "make", "pip", "uvicorn")
#: They go on until they are told to end.
STAYING = ("--watch", "db_worker", "-m django_notification_system.testing")
#: Django checks the project before these.
CHECKING = (
    "create_email_target_user_records", "manage.py check", "manage.py migrate",
    "process_notifications",
)  # fmt: skip
#: These say by their exit status what they found; no stand-in speaks as all services of Apprise do.
FINDING = (
    "--target Apprise",
    "--max-age",
    "--fail-on-error",
    "import_queued_mail",
    "import_django",
    "import ",
)
#: Needed by what is shown, and not shown: how Django 5.2 and a reader of two pages have it.
BEFORE = {
    "tasks": 'INSTALLED_APPS += ["django_tasks"]\n' if django.VERSION < (6,) else "",
    "on_commit": 'INSTALLED_APPS += ["django_tasks"]\n' if django.VERSION < (6,) else "",
    **dict.fromkeys(
        ("inbox_pages", "from_django_notifications"),
        (EXAMPLES / "inbox_settings.py").read_text(),
    ),
}
#: Its example is the file that says so, or is for the other kind of Django.
OTHER_DJANGO = (
    ("pipelining_settings.py", "queue_settings.py")
    if HAS_MAILERS
    else ("pipelining_mailers.py", "queue_mailers_settings.py")
)
#: They are modules of a project, which other tests of the documentation run.
MODULES = (
    "before.py", "after.py", "inbox_consumer.py", "inbox_viewset.py", "mjml_filter.py",
    "own_engine.py",
    "pigeon_post.py", "receive_webhook.py", "receivers.py", "sends_bytes.py", "set_up.py",
)  # fmt: skip
#: Output of rows or of a server that the page's reader has, and the project here has not.
OF_OTHER_ROWS = (
    "assertion_failed", "cancel_by_query", "carrier_pigeon_refused", "contract_failed", "dry_run",
    "email_records", "erase_notification_data", "no_handler", "notification_status",
    "notification_status_overdue", "opted_out", "purge_notifications_dry_run", "retry",
    "send_test_notification_settings", "send_test_notification_unreachable", "staging", "stand_ins",
    "stand_ins_django_6_1", "stand_ins_received",
)  # fmt: skip
ENVIRONMENT = {
    **{name: text for name, text in os.environ.items() if not name.startswith(("DJANGO", "TEST_"))},
    "PYTHONPATH": str(ROOT),
    "METRICS_TOKEN": "token",
    "TWILIO_ACCOUNT_SID": "AC0",
    "TWILIO_AUTH_TOKEN": "token",
    "VAPID_PRIVATE_KEY": make_private_key(),
}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that the page has its reader do.

    Attributes:
        kind: ``"type"`` a command, ``"paste"`` into the shell, ``"save"`` a file, ``"serve"`` it,
            compare the output that is ``"shown"``, or leave the ``"other"`` files alone.
        text: The command, or the path of the file within the documentation.
    """

    kind: str
    text: str


def steps_of(page: str) -> Iterator[Step]:
    for found in STEP.finditer((DOCS / "howto" / f"{page}.rst").read_text()):
        if found["command"]:
            yield Step(kind="type", text=found["command"])
        elif found["cron"]:
            yield Step(kind="type", text=f"python manage.py {found['cron']}")
        else:
            path = (DOCS / "howto" / found["file"]).resolve().relative_to(DOCS)
            yield Step(kind=kind_of(path), text=str(path))


def kind_of(path: Path) -> str:
    if path.name == "send_web_push.py":
        return "other"  # it is for somebody who has pressed a button in a browser
    if path.parts[:2] == ("examples", "types"):
        return "other"  # they need an app with models, and have a test of their own
    if path.parts[0] == "output":
        return "other" if path.stem in OF_OTHER_ROWS else "shown"
    if path.name.endswith(("settings.py", "mailers.py", "_urls.py")):
        return "other" if path.name in OTHER_DJANGO else "save"
    if path.parent.name.startswith(("handlers", "creators", "templates")):
        return "save"
    if path.name == "notification_types.py":
        return "save"
    if path.name in MODULES or path.name.startswith(("test_", "conftest")) or path.suffix != ".py":
        return "other"
    return "serve" if path.stem == "loft_server" else "paste"


def has_something_to_do(page: str) -> bool:
    return any(step.kind != "other" for step in steps_of(page))


class Project:
    """A Django project in a folder, and what was last said there."""

    def __init__(self, folder: Path, stand_ins: "StandIns") -> None:
        self.folder = folder
        self.said = ""
        self.servers = ExitStack()
        #: Whether something was saved since Django last checked the project.
        self.is_unchecked = False
        self._stand_ins = stand_ins

    def manage(self, *arguments: str) -> None:
        self.type(shlex.join(["python", "manage.py", *arguments]))

    def type(self, command: str) -> None:
        """Type a command; of a crontab's line and a pipe, what is this project's own."""
        command = re.split(r"\s(?:>|\|)", command)[0]
        port = self._stand_ins.mail_server.port
        command = command.replace("'smtp.example.com', 587", f"'127.0.0.1', {port}")
        program, *arguments = shlex.split(command)
        if program in OTHER_PROGRAMS:
            return
        assert program == "python", command
        if "django_notification_system.testing" in command:  # another program may have its ports
            arguments += ["--smtp-port", str(free_port()), "--http-port", str(free_port())]
        if any(word in command for word in STAYING):
            self._type_and_end(arguments)
            return
        with TemporaryFile() as said:
            status = self._start(arguments, said).wait()
            said.seek(0)
            self.said = said.read().decode()
        self.is_unchecked &= not any(word in command for word in CHECKING)
        may_find = any(word in command for word in FINDING)
        assert status in ((0, 1) if may_find else (0,)), f"{command}\n{self.said}"
        assert "Traceback" not in self.said, self.said

    def _type_and_end(self, arguments: Sequence[str]) -> None:
        with TemporaryFile() as said, TemporaryFile() as errors:
            program = self._start(arguments, said, errors)
            wait_until(
                lambda: (
                    program.poll() is not None
                    or os.fstat(said.fileno()).st_size > 0
                    or heeds_sigterm(program.pid)
                )
            )
        assert program.poll() is None, arguments
        program.send_signal(signal.SIGTERM)
        assert program.wait(120) in (0, -signal.SIGTERM), arguments
        with suppress(ProcessLookupError):  # the other process of a worker that watches its files
            os.killpg(program.pid, signal.SIGKILL)

    def _start(
        self,
        arguments: Sequence[str],
        said: IO[bytes],
        errors: IO[bytes] | int = subprocess.STDOUT,
    ) -> forked.Process | subprocess.Popen[bytes]:
        return start(
            arguments,
            folder=self.folder,
            environment=ENVIRONMENT,
            stdout=said.fileno(),
            stderr=errors if isinstance(errors, int) else errors.fileno(),
            leads_session=True,
        )

    def paste(self, steps: Sequence[Step]) -> None:
        """Paste examples that follow each other into one shell."""
        command = ["manage.py", "shell"]
        with on_terminal(
            command, folder=self.folder, environment=ENVIRONMENT, start=start
        ) as terminal:
            terminal.wait_for(">>> ")
            for number, step in enumerate(steps):
                self.said = paste(terminal, (DOCS / step.text).read_text(), number)
            terminal.paste("exit()")
            terminal.wait_for_end()

    def compare(self, step: Step) -> None:
        """Find each line that the page shows in what was said last, in this order."""
        said = re.sub(r"127\.0\.0\.1:\d+", "mail.example.com:25", self.said)
        said = steady(re.sub(r"<[0-9a-f-]{36}@[^>]*>", "<6f0c…@example.com>", said)).splitlines()
        for line in (DOCS / step.text).read_text().splitlines():
            assert line in said, f"{step.text}: {line!r} was not said:\n{self.said}"
            said = said[said.index(line) :]

    def save(self, step: Step) -> None:
        path = DOCS / step.text
        self.is_unchecked = True
        if path.name.endswith("_urls.py"):
            self._add_to("urls.py", path.read_text())
        elif path.suffix == ".py" and path.parent.name.startswith(("handlers", "creators")):
            folder = self.folder / path.parent.name.partition("_")[0]
            folder.mkdir(exist_ok=True)
            shutil.copy(path, folder)
        elif path.name == "notification_types.py":
            app = self.folder / "shop"
            app.mkdir()
            (app / "__init__.py").touch()
            shutil.copy(path, app)
            self._add_to("settings.py", 'INSTALLED_APPS += ["shop"]\n')
        elif path.parent.name == "templates":
            (self.folder / "templates").mkdir(exist_ok=True)
            shutil.copy(path, self.folder / "templates")
        else:
            text = path.read_text().replace("/var/lib/mysite", str(self.folder))
            text = text.replace("/etc/shop/firebase-key.json", self._stand_ins.firebase_key)
            if HAS_MAILERS:  # as the page says
                text = re.sub(
                    r"^EMAIL_BACKEND = (.+)$",
                    r'MAILERS = {"default": {"BACKEND": \1}}',
                    text,
                    flags=re.M,
                )
            self._add_to("settings.py", text + self._stand_ins.settings)

    def _add_to(self, name: str, text: str) -> None:
        with (self.folder / "mysite" / name).open("a") as file:
            file.write(f"\n{text}")

    def serve(self, step: Step) -> None:
        """Start a server that the page shows, until the page has been typed."""
        said = self.servers.enter_context(TemporaryFile())  # noqa: SIM115 # it is closed at the end
        server = self._start([str(DOCS / step.text)], said)
        self.servers.callback(server.wait)
        self.servers.callback(server.kill)
        wait_until(lambda: server.poll() is not None or listens(server.pid))
        assert server.poll() is None, step.text


def paste(terminal: Terminal, text: str, number: int) -> str:
    """Paste a text, press Enter once more, and return what the terminal then shows."""
    before = len(terminal.shown)
    terminal.paste(text)
    terminal.paste("\n")
    terminal.paste(f"print('pasted', {number})")
    terminal.wait_for(f"\npasted {number}\n")
    said = terminal.shown[before:]
    assert not re.search(r"^(Traceback|\w*Error\b)", said, re.MULTILINE), said
    return re.sub(r"^(?:(?:>>>|\.\.\.) )+", "", said, flags=re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class StandIns:
    """Take the place of the mail server and the providers, whatever the pages show."""

    mail_server: SmtpStandIn
    providers: ProviderStandIn
    #: The path of a service account's key.
    firebase_key: str

    @property
    def settings(self) -> str:
        """Lines for the end of the settings: no message leaves this machine."""
        mail = f"EMAIL_HOST, EMAIL_PORT = '127.0.0.1', {self.mail_server.port}\n"
        if HAS_MAILERS:
            options = {"host": "127.0.0.1", "port": self.mail_server.port}
            mail = (
                "for mailer in MAILERS.values():\n"
                "    if not mailer['BACKEND'].endswith('.QueueBackend'):\n"
                f"        mailer.setdefault('OPTIONS', {{}}).update({options})\n"
            )
        return (
            f"\n{mail}for key in ('twilio_sms', 'expo'):\n"
            "    target = NOTIFICATION_SYSTEM_TARGETS.setdefault(key, {})\n"
            f"    target['base_url'] = {self.providers.url!r}\n"
            "if target := NOTIFICATION_SYSTEM_TARGETS.get('fcm'):\n"
            f"    target['base_url'] = {self.providers.url!r}\n"
            "if target := NOTIFICATION_SYSTEM_TARGETS.get('apprise'):\n"
            "    target['schemas'] = ['json']\n"
            f"    target['urls'] = {{'ops': {self.providers.url.replace('http:', 'json:')!r}}}\n"
        )


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIns]:
    with SmtpStandIn() as mail_server, ProviderStandIn() as providers:
        key = tmp_path_factory.mktemp("firebase") / "key.json"
        key.write_text(json.dumps(providers.service_account()))
        yield StandIns(mail_server=mail_server, providers=providers, firebase_key=str(key))


@pytest.fixture(scope="module")
def bare(stand_ins: StandIns, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of Django's, as ``startproject`` makes it."""
    folder = tmp_path_factory.mktemp("bare")
    Project(folder, stand_ins).type("python -m django startproject mysite .")
    return folder


@pytest.fixture(scope="module")
def ready(bare: Path, stand_ins: StandIns, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after the tutorial: Eggs Benedict has three addresses, and got three messages."""
    folder = tmp_path_factory.mktemp("ready") / "site"
    shutil.copytree(bare, folder)
    project = Project(folder, stand_ins)
    project.save(Step(kind="save", text="examples/tutorial_settings.py"))
    project.manage("migrate")
    for name in ("add_person", "first_notifications"):
        project.manage("shell", "-c", (EXAMPLES / f"{name}.py").read_text())
    project.manage("process_notifications")
    assert "3 Delivered" in project.said
    return folder


@pytest.mark.parametrize("page", [page for page in PAGES if has_something_to_do(page)])
def test_the_page_can_be_typed_from_top_to_bottom(
    page: str, bare: Path, ready: Path, stand_ins: StandIns, tmp_path: Path
) -> None:
    folder = tmp_path / "site"
    shutil.copytree(bare if page == "installation" else ready, folder)
    project = Project(folder, stand_ins)
    if BEFORE.get(page):
        with (folder / "mysite" / "settings.py").open("a") as settings:
            settings.write(BEFORE[page])
        project.manage("migrate")
    with project.servers:
        for is_pasted, steps in groupby(steps_of(page), lambda step: step.kind == "paste"):
            follow(project, list(steps), is_pasted)
        if project.is_unchecked:
            project.manage("check")


def follow(project: Project, steps: Sequence[Step], is_pasted: bool) -> None:
    if is_pasted:
        project.paste(steps)
        return
    for step in steps:
        if step.kind != "other":
            actions = {"type": lambda step: project.type(step.text), "save": project.save}
            actions |= {"shown": project.compare, "serve": project.serve}
            actions[step.kind](step)


def test_nearly_every_page_has_something_to_do() -> None:
    assert sum(map(has_something_to_do, PAGES)) > 30
    kinds = [step.kind for page in PAGES for step in steps_of(page)]
    assert kinds.count("paste") > 20
    assert kinds.count("type") > 40
