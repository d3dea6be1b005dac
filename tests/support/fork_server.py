"""Forks Python programs from a process with Django's modules: ``python -m`` this, by ``forked.py``.

The process has no thread, no settings, no connection and no module of a project; or, where the
arguments ask for a project, its apps, which a program would load itself otherwise.
"""

import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from types import ModuleType
from typing import Any

#: What every project with the admin loads, and needs no settings for. A module of an extra stays
#: out: a project without the extra has to find the module missing.
LOADED = (
    "django.conf.urls",
    "django.contrib.admin",
    "django.contrib.admin.views.main",
    "django.contrib.auth.hashers",
    "django.contrib.messages.middleware",
    "django.contrib.sessions.middleware",
    "django.core.mail.backends.smtp",
    "django.core.management.commands.check",
    "django.core.management.commands.migrate",
    "django.core.management.commands.shell",
    "django.db.backends.sqlite3.base",
    "django.middleware.clickjacking",
    "django.middleware.common",
    "django.middleware.security",
    "django.views.defaults",
    "turbohtml",
)

#: Folders whose modules a program loads itself: they read the environment.
OWN = tuple(f"{Path.cwd() / name}{os.sep}" for name in ("benchmarks", "tests"))
#: ``INSTALLED_APPS`` of the project that is loaded.
_apps: list[str] = []


def serve(control: socket.socket) -> dict[str, Any]:
    """Fork a process for each request; return the request, in the new process alone.

    Args:
        control: The requests arrive here: a byte with a socket and the three standard streams. The
            socket has the request, and gets the process's id and, at the end, the status.
    """
    ended, ends = os.pipe()
    os.set_blocking(ends, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler, nothing is written
    signal.set_wakeup_fd(ends)
    links: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([control, ended], [], [])
        if ended in ready:
            os.read(ended, 65_536)
            _report(links)
        if control not in ready:
            continue
        message, descriptors, _, _ = socket.recv_fds(control, 1, 4)
        if not message:
            sys.exit()  # the tests' process has ended
        link = socket.socket(fileno=descriptors[0])
        with link.makefile() as lines:
            request: dict[str, Any] = json.loads(lines.readline())
        if not (pid := os.fork()):
            if request["leads_session"]:
                os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            link.sendall(f"{os.getpid()}\n".encode())
            for each in (control, link, *links.values()):
                each.close()
            for each in (ended, ends):
                os.close(each)
            for place, descriptor in enumerate(descriptors[1:]):
                os.dup2(descriptor, place)
                os.close(descriptor)
            return request
        for descriptor in descriptors[1:]:
            os.close(descriptor)
        links[pid] = link


def _report(links: dict[int, socket.socket]) -> None:
    """Tell the statuses of the processes that have ended."""
    while links:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        # Nobody may wait for the process any more.
        with links.pop(pid) as link, suppress(BrokenPipeError):
            link.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def become(
    arguments: Sequence[str],
    *,
    folder: str,
    environment: Mapping[str, str],
    path: Sequence[str],
) -> None:
    """Make this process what ``python`` with the arguments would be, and run the program."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.dont_write_bytecode = bool(environment.get("PYTHONDONTWRITEBYTECODE"))
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    _open_streams(encoding)
    named = [each for each in environment.get("PYTHONPATH", "").split(os.pathsep) if each]
    path = [*named, *(each for each in path if each not in named)]
    sys.path[:] = ["", *path]
    _forget_tests()
    kind, *rest = arguments
    if kind == "-c":
        code, *rest = rest
        sys.argv = [kind, *rest]
        sys.modules["__main__"] = ModuleType("__main__")
        exec(compile(code, "<string>", "exec"), sys.modules["__main__"].__dict__)
    elif kind == "-m":
        name, *rest = rest
        sys.argv = [kind, *rest]
        sys.path[:] = [os.getcwd(), *path]
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        sys.argv = [kind, *rest]
        file = os.path.abspath(kind)
        sys.path[:] = [os.path.dirname(file), *path]
        runpy.run_path(file, run_name="__main__")


def load_project(modules: Sequence[str]) -> None:
    """Load the apps of the project in the environment, and modules that its programs use.

    The settings are loaded anew in each program, whose environment may say something else.
    """
    import django
    from django.conf import settings
    from django.db import connections
    from django.utils.functional import empty

    django.setup()
    for name in modules:
        import_module(name)
    _apps.extend(settings.INSTALLED_APPS)
    for connection in connections.all(initialized_only=True):
        assert connection.connection is None, "The programs would share a connection."
        del connections[connection.alias]
    connections._settings = None
    vars(connections).pop("settings", None)
    settings._wrapped = empty


def _forget_tests() -> None:
    """Forget the modules of this repository's tests, but for the apps that are loaded."""
    from django.apps import apps
    from django.conf import settings

    loaded = [each.name for each in apps.get_app_configs()] if apps.ready else []
    kept = ["__main__", *loaded]
    for name, module in [*sys.modules.items()]:
        is_kept = any(name == each or name.startswith(f"{each}.") for each in kept)
        is_own = (getattr(module, "__file__", None) or "").startswith(OWN)
        if is_own and not is_kept:
            del sys.modules[name]
    if loaded:
        assert list(settings.INSTALLED_APPS) == _apps, "Other apps were loaded."


def _open_streams(encoding: str) -> None:
    """Open the standard streams as Python does at its start, where they are files."""
    sys.stdin = open(0, encoding=encoding, closefd=False)  # noqa: SIM115 # open until the end
    for number, name, errors in ((1, "stdout", "strict"), (2, "stderr", "backslashreplace")):
        stream = TextIOWrapper(
            open(number, "wb", closefd=False),  # noqa: SIM115 # too
            encoding=encoding,
            errors=errors,
            line_buffering=name == "stderr" or os.isatty(number),
        )
        setattr(sys, name, stream)


def main() -> None:
    """Load the modules, and serve on the socket that the first argument names.

    With a second argument, load the project in the environment too; others are modules of it.
    """
    path = sys.path[1:]
    for name in LOADED:
        import_module(name)
    if len(sys.argv) > 2:
        load_project(sys.argv[2:])
    gc.freeze()  # so that the forked processes share the memory
    request = serve(socket.socket(fileno=int(sys.argv[1])))
    become(
        request["arguments"],
        folder=request["folder"],
        environment=request["environment"],
        path=path,
    )


if __name__ == "__main__":
    main()
