"""Chromium for the tests: the system's, or Debian's package in a folder of pytest's cache."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model

#: Packages needed by Chromium's libraries, where not installed.
PULSE_LIBRARIES = (
    "libasyncns0", "libmp3lame0", "libmpg123-0", "libogg0", "libsndfile1", "libvorbis0a",
    "libvorbisenc2",
)  # fmt: skip
#: Always the system's own: all other libraries are built for them.
CORE_LIBRARIES = ("libc6", "libgcc", "libstdc++")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking",
]  # fmt: skip

#: The longest wait for a page, an element or the browser itself, on a very busy machine.
PATIENCE_MILLISECONDS = 120_000


@contextmanager
def running_browser(cache: Path) -> Iterator[Any]:
    """Run Chromium, driven by Playwright.

    Without Chromium the test is skipped; in CI it fails.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _not_to_be_had("Playwright is not installed (pip install --group test .)")
    program, libraries = _chromium(cache)

    def start() -> Any:
        playwright = sync_playwright().start()
        browser = playwright.chromium.launch(
            executable_path=program,
            args=ARGUMENTS,
            timeout=PATIENCE_MILLISECONDS,
            env={**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)},
        )
        return playwright, browser

    # Playwright keeps an event loop in its thread. Django has a separate connection beside an event
    # loop, without the state to restore between two tests.
    with ThreadPoolExecutor(1) as thread:
        playwright, browser = thread.submit(start).result()
        try:
            yield InThread(browser, thread)
        finally:
            thread.submit(browser.close).result()
            thread.submit(playwright.stop).result()


class InThread:
    """An object of Playwright's, used only in its own thread."""

    def __init__(self, target: Any, thread: ThreadPoolExecutor) -> None:
        self._target, self._thread = target, thread

    def __getattr__(self, name: str) -> Any:
        return self._shown(self._thread.submit(getattr, self._target, name).result())

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._shown(self._thread.submit(self._target, *arguments, **options).result())

    def follow(self, selector: str) -> None:
        """Click a link to another page, and wait for the page."""

        def click() -> None:
            with self._target.expect_navigation():
                self._target.click(selector)

        self._thread.submit(click).result()

    def _shown(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._shown(item) for item in value]
        if value is None or isinstance(value, str | bytes | int | float | dict):
            return value
        if hasattr(value, "set_default_timeout"):  # a window or a page
            self._thread.submit(value.set_default_timeout, PATIENCE_MILLISECONDS).result()
        return InThread(value, self._thread)


class Site:
    """The admin in a logged-in user's window."""

    def __init__(self, browser: Any, url: str, **options: Any) -> None:
        get_user_model().objects.create_superuser("ada", password="secret")
        self.url = url
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"{url}/admin/")
        self.page.fill("#id_username", "ada")
        self.page.fill("#id_password", "secret")
        self.page.follow("input[type=submit]")

    def open(self, path: str) -> Any:
        self.page.goto(self.url + path)
        return self.page


def _chromium(cache: Path) -> tuple[str, list[str]]:
    """Return the program, and folders of libraries needed beside the system's."""
    installed = shutil.which("chromium")
    if installed:
        return installed, []
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        _not_to_be_had("Chromium is not installed, and this is no Debian to get it from")
    folder = cache / "chromium"
    with (cache / "chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # processes of tests come here side by side
        if not folder.exists():
            _unpack(folder)
    libraries = {str(path.parent) for path in folder.glob("usr/lib/*-linux-gnu/**/*.so*")}
    program = folder / "usr/lib/chromium/chromium"
    started = subprocess.run(
        [str(program), "--version"],
        env={**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)},
        capture_output=True,
        text=True,
        timeout=180,
    )
    if started.returncode:
        _not_to_be_had(f"Debian's Chromium does not start: {started.stderr.strip()[-300:]}")
    return str(program), sorted(libraries)


def _unpack(folder: Path) -> None:
    partial = Path(tempfile.mkdtemp(prefix="chromium.", dir=folder.parent))
    try:
        depends = _run("apt-cache", "depends", "--important", "chromium", folder=partial)
        libraries = [
            name
            for line in depends.splitlines()
            if (name := line.strip().removeprefix("Depends: ")).startswith(("lib", "chromium-"))
            and not name.startswith(CORE_LIBRARIES)
        ]
        _run("apt-get", "download", "chromium", *libraries, *PULSE_LIBRARIES, folder=partial)
        for archive in partial.glob("*.deb"):
            _run("dpkg", "-x", str(archive), ".", folder=partial)
            archive.unlink()
        partial.rename(folder)
    except (subprocess.SubprocessError, OSError) as error:
        _not_to_be_had(f"Debian's Chromium cannot be had here: {error}")
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _run(*command: str, folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True, timeout=180
    )
    return done.stdout


def _not_to_be_had(reason: str) -> Any:
    if os.environ.get("CI"):
        pytest.fail(f"No browser: {reason}.")
    pytest.skip(f"No browser: {reason}.")
