"""An inbox that is open in browsers: by events under uvicorn, by asking under gunicorn."""

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.settings import TEST_DATABASE
from tests.support.places import ROOT, TESTS
from tests.support.ports import HOST, free_port
from tests.support.runs import wait_until
from tests.support.scratch_databases import scratch_database
from tests.support.started import listens
from tests.support.subprocesses import environment_of, run_python

PROJECT = TESTS / "support" / "projects" / "inbox"
UVICORN = ("-m", "uvicorn", "asgi:application", "--log-level", "warning", "--port")
GUNICORN = ("-m", "gunicorn", "wsgi:application", "--log-level", "warning", "--bind")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Server:
    """The project, as a server serves it."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def get(self, path: str, **headers: str) -> http.client.HTTPResponse:
        """Return an answer of which only the headers were read."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=120)
        connection.request("GET", path, headers={**headers, "Connection": "close"})
        return connection.getresponse()

    def post(self, path: str, **values: str) -> bytes:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=120)
        with closing(connection):
            connection.request("POST", path, urlencode(values), FORM)
            response = connection.getresponse()
            assert response.status == 200, response.read()
            return response.read()

    def log_in(self, user: str) -> dict[str, str]:
        """Return the headers of somebody who is logged in."""
        with self.get(f"/log-in/?user={user}") as response:
            cookies = response.headers.get_all("Set-Cookie") or []
            return {"Cookie": "; ".join(cookie.partition(";")[0] for cookie in cookies)}

    def put(self, user: str, title: str) -> int:
        return int(json.loads(self.post("/put/", user=user, title=title))["id"])

    def held(self) -> Any:
        with self.get("/held/") as response:
            return json.load(response)


class Stream:
    """A client of a stream, which reads an event at a time."""

    def __init__(self, server: Server, headers: dict[str, str], **more: str) -> None:
        self.response = server.get("/inbox/stream/", **headers, **more)
        self.status = self.response.status

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *error: object) -> None:
        self.response.close()

    def block(self) -> list[str]:
        """Return the lines up to an empty one; none at the end."""
        lines: list[str] = []
        while line := self.response.readline().decode():
            if line == "\n":
                return lines
            lines.append(line.rstrip("\n"))
        return lines

    def event(self, name: str) -> dict[str, Any]:
        """Read on until an event of this name, and return its data."""
        while block := self.block():
            if f"event: {name}" in block:
                [data] = [line for line in block if line.startswith("data: ")]
                return dict(json.loads(data.removeprefix("data: ")))
        raise AssertionError("The stream has ended.")

    def is_over(self) -> bool:
        while self.block():
            pass
        return True


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A migrated database, as the project's processes are told of it."""
    with scratch_database(TEST_DATABASE, tmp_path_factory.mktemp("inbox")) as database:
        variables = {
            "DJANGO_SETTINGS_MODULE": "settings",
            "PYTHONPATH": str(ROOT),
            "PROJECT_DATABASES": json.dumps({"default": database}),
        }
        done = run_python(
            "-m", "django", "migrate", "-v", "0", folder=PROJECT, environment=variables
        )
        assert done.returncode == 0, done.stderr
        yield variables


@contextmanager
def served(environment: dict[str, str], *command: str, **variables: str) -> Iterator[Server]:
    port = free_port()
    address = str(port) if command == UVICORN else f"{HOST}:{port}"
    with subprocess.Popen(
        [sys.executable, *command, address],
        cwd=PROJECT,
        env=environment_of({**environment, **variables}),
    ) as process:
        try:
            wait_until(lambda: process.poll() is not None or listens(process.pid), seconds=180)
            assert process.poll() is None
            yield Server(process, port)
        finally:
            process.terminate()
            try:
                process.wait(120)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


@pytest.fixture(scope="module")
def uvicorn(environment: dict[str, str]) -> Iterator[Server]:
    options = json.dumps({"SSE_CONNECTIONS": 3})
    times = {"PROJECT_CHECK_EVERY": "0.5", "PROJECT_COMMENT_EVERY": "0.2"}
    with served(environment, *UVICORN, PROJECT_OPTIONS=options, **times) as server:
        yield server


@pytest.fixture(scope="module")
def gunicorn(environment: dict[str, str]) -> Iterator[Server]:
    options = json.dumps({"INBOX_POLL_SECONDS": 1})
    with served(environment, *GUNICORN, PROJECT_OPTIONS=options) as server:
        yield server


# --- The stream ---------------------------------------------------------------------------------


def test_a_stream_tells_of_items_in_the_moment_they_come(uvicorn: Server) -> None:
    ann, ben = uvicorn.log_in("ann"), uvicorn.log_in("ben")
    with Stream(uvicorn, ann) as stream, Stream(uvicorn, ben) as other:
        assert stream.status == 200
        assert stream.response.headers["Content-Type"] == "text/event-stream"
        assert stream.response.headers["Cache-Control"] == "private, no-store"
        assert stream.response.headers["X-Accel-Buffering"] == "no"
        assert stream.block()[0].startswith("retry: ")
        first = stream.event("unread")
        other.event("unread")
        key = uvicorn.put("ann", "It is on its way")
        assert uvicorn.put("ben", "For Ben") > key
        item = stream.event("item")
        assert (item["id"], item["title"], item["state"]) == (key, "It is on its way", "unread")
        unread = stream.event("unread")
        assert (unread["unread"], unread["newest"]) == (first["unread"] + 1, key)
        assert other.event("item")["title"] == "For Ben"
        # A comment keeps the connection through proxies.
        while (block := stream.block()) != [":"]:
            assert block


def test_a_client_that_comes_back_gets_what_it_has_missed(uvicorn: Server) -> None:
    headers = uvicorn.log_in("cleo")
    seen = uvicorn.put("cleo", "Seen")
    missed = [uvicorn.put("cleo", f"Missed {number}") for number in range(2)]
    with Stream(uvicorn, headers, **{"Last-Event-ID": str(seen)}) as stream:
        assert [stream.event("item")["id"], stream.event("item")["id"]] == missed
        assert stream.event("unread")["unread"] == 3
    for text in ("no number", "-1", str(10**30), str(missed[-1] + 1000)):
        with Stream(uvicorn, headers, **{"Last-Event-ID": text}) as stream:
            assert stream.event("unread")["unread"] == 3


def test_a_stream_comes_through_where_the_site_compresses(uvicorn: Server) -> None:
    headers = {**uvicorn.log_in("ann"), "Accept-Encoding": "gzip"}
    with uvicorn.get("/inbox/", **headers) as response:
        assert response.headers["Content-Encoding"] == "gzip"
    with Stream(uvicorn, headers) as stream:
        assert "Content-Encoding" not in stream.response.headers
        stream.event("unread")
        uvicorn.put("ann", "Compressed or not")
        assert stream.event("item")["title"] == "Compressed or not"


def test_a_stream_ends_when_its_reader_has_logged_out(uvicorn: Server) -> None:
    headers = uvicorn.log_in("ann")
    with Stream(uvicorn, headers) as stream, Stream(uvicorn, uvicorn.log_in("ann")) as other:
        stream.event("unread")
        uvicorn.get("/log-out/", **headers).close()
        assert stream.is_over()
        # The other browser is logged in still, and told the number again with each look.
        other.event("unread")
        other.event("unread")


def test_a_stream_ends_when_its_reader_is_deactivated(uvicorn: Server) -> None:
    headers = uvicorn.log_in("dan")
    with Stream(uvicorn, headers) as stream:
        stream.event("unread")
        uvicorn.post("/deactivate/", user="dan")
        assert stream.is_over()
    with Stream(uvicorn, headers) as stream:
        assert stream.status == 403


def has_no_poller(server: Server) -> bool:
    return not any(name.startswith("inbox") for name in server.held()["threads"])


def test_a_stream_too_many_is_told_to_ask_until_one_is_gone(uvicorn: Server) -> None:
    headers = uvicorn.log_in("ann")

    def status() -> int:
        with Stream(uvicorn, headers) as stream:
            return stream.status

    wait_until(lambda: has_no_poller(uvicorn))  # the streams of the tests before are gone
    with ExitStack() as stack:
        streams = [stack.enter_context(Stream(uvicorn, headers)) for _ in range(4)]
        assert [stream.status for stream in streams] == [200, 200, 200, 503]
        assert json.load(streams[3].response) == {"poll": 30}
        streams[0].response.close()
        wait_until(lambda: status() == 200)


@pytest.mark.skipif(not Path("/proc").exists(), reason="Threads are counted.")
def test_streams_hold_neither_threads_nor_connections(uvicorn: Server) -> None:
    headers = uvicorn.log_in("ann")
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(Stream(uvicorn, headers)).event("unread")
        held = uvicorn.held()
        # One thread for all streams, and one for this request.
        assert len([name for name in held["threads"] if name.startswith("inbox")]) == 1
        assert len(held["threads"]) <= 4, held
        assert held["connections"] <= 2
    # Without readers the poller ends, and its thread and connection with it.
    wait_until(lambda: has_no_poller(uvicorn))
    assert uvicorn.held()["connections"] <= 1


def test_a_server_that_is_told_to_stop_ends_its_streams(environment: dict[str, str]) -> None:
    with served(environment, *UVICORN) as server, Stream(server, server.log_in("ann")) as stream:
        stream.event("unread")
        os.kill(server.process.pid, signal.SIGTERM)
        assert stream.is_over()
        assert server.process.wait(120) in (0, -signal.SIGTERM)


def test_under_wsgi_the_stream_says_how_often_to_ask(gunicorn: Server) -> None:
    with Stream(gunicorn, gunicorn.log_in("ann")) as stream:
        assert stream.status == 200
        assert json.load(stream.response) == {"poll": 1}


# --- Browsers -----------------------------------------------------------------------------------


@contextmanager
def two_tabs(browser: Any, server: Server, user: str) -> Iterator[list[Any]]:
    context = browser.new_context()
    try:
        tabs = [context.new_page(), context.new_page()]
        tabs[0].goto(f"{server.url}/log-in/?user={user}")
        tabs[1].goto(f"{server.url}/inbox/")
        yield tabs
    finally:
        context.close()


BADGE = "document.querySelector('[data-inbox=badge]').textContent"
STATUS = "document.querySelector('[role=status][aria-live=polite]').textContent"
FIRST = "document.querySelector('.inbox-title')?.textContent"


@pytest.mark.parametrize("name", ["uvicorn", "gunicorn"])
def test_two_tabs_show_an_item_that_comes(
    browser: Any, name: str, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue(name)
    with two_tabs(browser, server, f"egg-{name}") as tabs:
        for tab in tabs:
            assert tab.evaluate(BADGE) == ""
            assert tab.evaluate("performance.getEntriesByType('resource').length") >= 2
        for number, title in ((1, "First"), (2, "Second <b>&</b>")):
            server.put(f"egg-{name}", title)
            for tab in tabs:
                tab.wait_for_function(f"{BADGE} === '{number}'")
                tab.wait_for_function(f"{FIRST} === '{title}'")
                assert tab.evaluate(STATUS) == f"{number} unread notification{'s'[: number - 1]}"
        # Read in one tab: the other one learns of it.
        tabs[1].follow("text=Mark all as read")
        assert tabs[1].evaluate(BADGE) == ""
        tabs[0].wait_for_function(f"{BADGE} === ''")


def test_a_hidden_tab_asks_nothing(browser: Any, gunicorn: Server) -> None:
    hide = """hidden => {
        Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    asked: list[str] = []
    with two_tabs(browser, gunicorn, "fay") as tabs:
        tabs[0].on("request", lambda request: asked.append(request.url))
        gunicorn.put("fay", "Seen in both")
        tabs[0].wait_for_function(f"{BADGE} === '1'")
        tabs[0].evaluate(hide, True)
        gunicorn.put("fay", "Not seen")
        asked.clear()
        tabs[1].wait_for_function(f"{BADGE} === '2'")
        gunicorn.put("fay", "Not seen either")
        tabs[1].wait_for_function(f"{BADGE} === '3'")  # two rounds of asking later
        assert asked == []
        assert tabs[0].evaluate(BADGE) == "1"
        tabs[0].evaluate(hide, False)
        tabs[0].wait_for_function(f"{BADGE} === '3'")
        assert asked[0].endswith("/inbox/unread/")


def test_a_page_comes_back_to_events_after_a_refusal(browser: Any, uvicorn: Server) -> None:
    """A proxy's 502, while the server is restarted, closes an EventSource for good."""
    answers: list[tuple[str, int]] = []
    with two_tabs(browser, uvicorn, "gus") as tabs:
        tab = tabs[1]
        tab.goto("about:blank")
        tab.context.route("**/inbox/stream/", lambda route: route.fulfill(status=502), times=1)
        tab.on("response", lambda given: answers.append((given.url.split("/")[-2], given.status)))

        def heard(*answer: Any) -> bool:
            tab.evaluate("true")  # Playwright hears of answers while it is asked something
            return answer in answers

        tab.clock.install()
        tab.goto(f"{uvicorn.url}/inbox/")
        wait_until(lambda: heard("unread", 200))
        assert ("stream", 502) in answers
        tab.clock.fast_forward(30_000)
        wait_until(lambda: heard("stream", 200))
        uvicorn.put("gus", "By an event")
        tab.wait_for_function(f"{BADGE} === '1'")
