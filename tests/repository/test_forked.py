"""A forked program has what Python gives a program that is started, and no more of the project."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import forked, started
from tests.support.forked import Process, run, start
from tests.support.places import ROOT
from tests.support.runs import wait_until
from tests.support.subprocesses import environment_of
from tests.support.terminal import on_terminal

SEEN = """
import json, os, sys
streams = sys.stdin, sys.stdout, sys.stderr
print(json.dumps({
    "arguments": sys.argv,
    "path": sys.path,
    "folder": os.getcwd(),
    "environment": dict(os.environ),
    "names": sorted(name for name in globals() if not name.startswith("__")),
    "streams": [(each.fileno(), each.encoding, each.errors, each.isatty()) for each in streams],
    "buffering": [(each.line_buffering, each.write_through) for each in streams[1:]],
    "writes_bytecode": not sys.dont_write_bytecode,
    "threads_and_children": len(os.listdir("/proc/self/task")) if os.path.isdir("/proc") else 1,
    "interrupt": str(__import__("signal").getsignal(2)),
    "child": str(__import__("signal").getsignal(17)),
    "warnings": __import__("warnings").filters,
}, default=str))
print("é", file=sys.stderr)
"""
#: What a project brings along, or leaves out.
OF_PROJECTS = (
    "celery",
    "django_notification_system",
    "exponent_server_sdk",
    "pytest",
    "requests",
    "tests",
    "twilio",
)


@pytest.mark.parametrize("kind", ["-c", "-m", "file"])
def test_forked_program_sees_what_a_started_one_sees(kind: str, tmp_path: Path) -> None:
    (tmp_path / "seen.py").write_text(SEEN)
    first = {"-c": ["-c", SEEN], "-m": ["-m", "seen"], "file": [str(tmp_path / "seen.py")]}
    arguments = [*first[kind], "egg", "--über=2"]
    environment = environment_of({"PYTHONPATH": str(ROOT), "EGGS": "Benedict"})
    forked = run(arguments, folder=tmp_path, environment=environment)
    started = subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        encoding="utf-8",
    )
    assert json.loads(forked.stdout) == json.loads(started.stdout)
    assert (forked.stderr, forked.returncode) == (started.stderr, started.returncode) == ("é\n", 0)


def test_forked_program_sees_a_terminal_as_a_started_one_does(tmp_path: Path) -> None:
    def shown(start: Callable[..., Process | subprocess.Popen[bytes]]) -> str:
        environment = environment_of({"PYTHONPATH": str(ROOT)})
        code = f"{SEEN}\nprint(os.getsid(0) == os.getpid(), repr(input('egg? ')))"
        with on_terminal(
            ["-c", code], folder=tmp_path, environment=environment, start=start
        ) as terminal:
            terminal.wait_for("egg? ")
            terminal.paste("fried")
            terminal.wait_for_end()
        return terminal.shown

    assert shown(forked.start) == shown(started.start)
    assert shown(forked.start).endswith("True 'fried'\n")


def test_forked_program_loads_the_project_itself(tmp_path: Path) -> None:
    code = (
        "import json, sys\n"
        "from django.apps import apps\n"
        "from django.conf import settings\n"
        "names = {name.partition('.')[0] for name in sys.modules}\n"
        "print(json.dumps([sorted(names), settings.configured, apps.ready, apps.loading]))"
    )
    done = run(["-c", code], folder=tmp_path, environment=environment_of({}))
    names, *begun = json.loads(done.stdout)
    assert "django" in names
    assert not set(OF_PROJECTS) & set(names)
    assert begun == [False, False, False]


@pytest.mark.parametrize(
    ("code", "status", "last_line"),
    [
        ("raise SystemExit(3)", 3, ""),
        ("raise SystemExit('no eggs')", 1, "no eggs"),
        ("eggs", 1, "NameError: name 'eggs' is not defined"),
        ("import os; os.kill(os.getpid(), 15)", -signal.SIGTERM, ""),
        ("import atexit, sys; atexit.register(print, 'last', file=sys.stderr)", 0, "last"),
    ],
)
def test_forked_program_ends_as_a_started_one(
    code: str, status: int, last_line: str, tmp_path: Path
) -> None:
    done = run(["-c", code], folder=tmp_path, environment=environment_of({}))
    assert (done.returncode, "".join(done.stderr.splitlines()[-1:])) == (status, last_line)


def test_forked_program_that_goes_on_is_killed(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired) as raised:
        run(
            ["-c", "import signal; signal.pause()"],
            folder=tmp_path,
            environment=environment_of({}),
            timeout=0.01,
        )
    wait_until(lambda: has_ended(int(raised.value.cmd)))


WHERE_TO = """
import json, sys
loaded = "django_notification_system.models" in sys.modules
import django
django.setup()
from django.conf import settings
from django.db import connection
print(json.dumps([loaded, settings.NOTIFICATION_SYSTEM, connection.settings_dict["NAME"]]))
"""
SETTINGS = "tests.support.workers.settings"


@pytest.mark.parametrize("loaded", [(), (SETTINGS,)])
def test_each_program_reads_its_settings_itself(loaded: tuple[str, ...], tmp_path: Path) -> None:
    for name in ("egg", "ham"):
        engine = {"BATCH_SIZE": len(name)}
        environment = environment_of(
            {
                "DJANGO_SETTINGS_MODULE": SETTINGS,
                "WORKERS_DATABASE": str(tmp_path / name),
                "WORKERS_ENGINE": json.dumps(engine),
            }
        )
        done = run(["-c", WHERE_TO], folder=ROOT, environment=environment, loaded=loaded)
        found = json.loads(done.stdout)
        assert found == [bool(loaded), engine, str(tmp_path / name)]


def test_a_program_whose_project_has_other_apps_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fewer.py").write_text(
        f"from {SETTINGS} import *\nINSTALLED_APPS = INSTALLED_APPS[:-1]\n"
    )
    environment = environment_of(
        {
            "DJANGO_SETTINGS_MODULE": "fewer",
            "PYTHONPATH": str(tmp_path),
            "WORKERS_DATABASE": str(tmp_path / "egg"),
        }
    )
    done = run(["-c", ""], folder=ROOT, environment=environment, loaded=(SETTINGS,))
    assert done.stderr.endswith("AssertionError: Other apps were loaded.\n")


def test_forked_process_is_spoken_to_as_a_started_one(tmp_path: Path) -> None:
    code = (
        "import os, sys; print(os.getsid(0) == os.getpid(), file=sys.stderr, flush=True)\n"
        "import signal; signal.pause()"
    )
    process = start(["-c", code], folder=tmp_path, environment=environment_of({}))
    assert process.stderr is not None
    assert process.stderr.readline() == "False\n"
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    with pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=0.01)
    process.terminate()
    assert process.communicate(timeout=300) == (None, "")
    assert (process.returncode, process.poll()) == (-signal.SIGTERM, -signal.SIGTERM)
    process.kill()  # the id may be another's by now
    leader = start(
        ["-c", code], folder=tmp_path, environment=environment_of({}), leads_session=True
    )
    os.killpg(leader.pid, signal.SIGKILL)
    assert leader.wait(300) == -signal.SIGKILL
    leader.communicate()


def has_ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
