"""Makes the pictures of the admin that the documentation shows: ``make screenshots``.

They are of the example project with a day's notifications in it, taken in the browser that the
tests use. The demo's own database stays as it is.
"""

import argparse
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from PIL import Image  # noqa: E402

from tests.support.browsers import running_browser  # noqa: E402
from tests.support.ports import free_port  # noqa: E402

FOLDER = ROOT / "docs" / "screenshots"
#: Where the tests keep their browser, if they had to fetch one.
BROWSERS = ROOT / ".pytest_cache" / "d" / "browsers"
LIST = "/admin/django_notification_system/notification/"
USERNAME, PASSWORD = "egg", "benedict"
#: A window on a desk, one for a page with little on it, and one on a phone, in pixels.
DESK = {"width": 1440, "height": 860}
LOW = {"width": 1200, "height": 620}
PHONE = {"width": 390, "height": 780}
#: More colours than the eye tells apart on such a page make a file several times as large.
COLOURS = 128
FILL = """
import demo
print(demo.make_busy_day())
"""


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description="Make the documentation's screenshots.")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the pictures go")
    parser.add_argument("--browsers", type=Path, default=BROWSERS, help="where a browser is kept")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    options.browsers.mkdir(parents=True, exist_ok=True)
    with example_server() as (url, shown), running_browser(options.browsers) as browser:
        for scheme in ("light", "dark"):
            context = browser.new_context(color_scheme=scheme, viewport=DESK, locale="en")
            page = context.new_page()
            log_in(page, url)
            for name, picture in take(page, url, shown, scheme):
                path = options.folder / f"{name}.png"
                path.write_bytes(optimised(picture))
                print(f"{path.name}: {path.stat().st_size // 1024} KB", flush=True)
            context.close()


@contextlib.contextmanager
def example_server(
    lines: Mapping[str, str] = MappingProxyType({}), packages: Path | None = None
) -> Iterator[tuple[str, str]]:
    """Serve a copy of the example project; give its address, and the key of a notification.

    Args:
        lines: Lines to add to modules of the project, by the module's name.
        packages: A folder with more packages.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "example"
        shutil.copytree(ROOT / "example", folder, ignore=shutil.ignore_patterns("*.sqlite3*"))
        for module, added in lines.items():
            with (folder / "project" / f"{module}.py").open("a") as file:
                file.write(added)
        environment = {
            **{name: text for name, text in os.environ.items() if not name.startswith("EXAMPLE")},
            "DJANGO_SETTINGS_MODULE": "project.settings",
            "PYTHONPATH": os.pathsep.join(map(str, filter(None, (ROOT, packages)))),
        }
        filled = subprocess.run(
            [sys.executable, "-c", FILL],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        if filled.returncode:
            sys.exit(f"The example project could not be filled:\n{filled.stderr}")
        port = free_port()
        serve = ["manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
        with subprocess.Popen(
            [sys.executable, *serve],
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as server:
            try:
                wait_for(port, server)
                yield f"http://127.0.0.1:{port}", filled.stdout.strip()
            finally:
                server.terminate()


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers, for at most a minute."""
    for _ in range(600):
        if server.poll() is not None:
            sys.exit("The example project's server ended at once; try `make serve`.")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    sys.exit("The example project's server does not answer; try `make serve`.")


def log_in(page: Any, url: str) -> None:
    """Log in as the demo's person."""
    page.goto(f"{url}/admin/")
    page.fill("#id_username", USERNAME)
    page.fill("#id_password", PASSWORD)
    page.follow("input[type=submit]")


def take(page: Any, url: str, shown: str, scheme: str) -> Iterator[tuple[str, bytes]]:
    """Take the pictures of one colour scheme, and yield them by name."""
    yield from take_inbox(page, url, scheme)
    page.set_viewport_size(DESK)
    page.goto(url + LIST)
    yield f"list-{scheme}", page.screenshot()
    page.goto(f"{url}{LIST}dashboard/")
    yield f"dashboard-{scheme}", page.screenshot()
    if scheme == "dark":
        page.set_viewport_size(PHONE)
        page.goto(f"{url}{LIST}dashboard/")
        yield "dashboard-phone", page.screenshot()
        return
    page.goto(f"{url}{LIST}?status__exact=SCHEDULED")
    page.check("#action-toggle")
    page.select_option("select[name=action]", "cancel")
    page.follow("button[name=index]")
    page.set_viewport_size(LOW)
    yield "confirmation", page.screenshot()
    page.goto(f"{url}{LIST}{shown}/change/")
    preview = page.locator("iframe.notification-preview").content_frame
    preview.locator("iframe").content_frame.locator("a").wait_for()  # the mail's last line
    yield "preview", page.screenshot()
    yield "history", page.locator("#attempts").screenshot()
    page.set_viewport_size(PHONE)
    page.goto(url + LIST)
    yield "list-phone", page.screenshot()


def take_inbox(page: Any, url: str, scheme: str) -> Iterator[tuple[str, bytes]]:
    """Take the pictures of the inbox, and yield them by name."""
    page.set_viewport_size(LOW)
    page.goto(f"{url}/inbox/")
    yield f"inbox-{scheme}", page.screenshot()
    if scheme == "light":
        page.set_viewport_size(PHONE)
        page.goto(f"{url}/inbox/")
        yield "inbox-phone", page.screenshot()


def optimised(picture: bytes) -> bytes:
    """Return a picture of fewer colours, and so a smaller file."""
    written = BytesIO()
    with Image.open(BytesIO(picture)) as image:
        few = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(written, "PNG", optimize=True)
    return written.getvalue()


if __name__ == "__main__":
    main()
