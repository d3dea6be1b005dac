"""The requests of Apprise's plugins: each has a time and a length, and the call as a whole a time.

Apprise gives ``requests`` a time for each read alone: a server that writes an octet a second would
hold a connection, and with it the message, for hours. And of an answer Apprise tells only what its
log says. So the plugins get ``RequestsInTime`` in place of the module ``requests``. Outside of a
call it does the same as the module: a project may use Apprise by itself.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

import requests

from ..faults import NoAnswer
from ..http.session import REQUEST_FAILURES, open_session, why_no_answer

PLUGINS = "apprise.plugins."
METHODS = frozenset({"delete", "get", "head", "options", "patch", "post", "put"})


@dataclass
class Exchange:
    """What a call's requests came to.

    Attributes:
        ends_at: When the call must end, by the monotonic clock.
        answer: The last answer, if any.
        why: Why the last request got no answer; ``None`` where it got one, or there was none.
    """

    ends_at: float
    answer: requests.Response | None = None
    why: NoAnswer | None = None


_exchange: ContextVar[Exchange | None] = ContextVar("exchange_of_apprise", default=None)


@contextmanager
def exchange(seconds: float) -> Iterator[Exchange]:
    """Limit the requests of plugins in this thread, and note what they come to.

    Args:
        seconds: The time for all of them.
    """
    noted = Exchange(time.monotonic() + seconds)
    mark = _exchange.set(noted)
    try:
        yield noted
    finally:
        _exchange.reset(mark)


class RequestsInTime:
    """The module ``requests`` as plugins see it."""

    def __getattr__(self, name: str) -> Any:
        return partial(self.request, name) if name in METHODS else getattr(requests, name)

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        """Make a request; during a call, within the rest of its time and without a redirect.

        Args:
            method: The HTTP method.
            url: The URL.
            options: As for ``requests.request()``.

        Raises:
            RequestException: Where no whole answer comes.
        """
        noted = _exchange.get()
        if noted is None:
            return requests.request(method, url, **options)  # noqa: S113 # the caller's options
        left = noted.ends_at - time.monotonic()
        if left <= 0:
            # The former request's answer is the message's.
            raise requests.Timeout("The time for the whole message is over.")
        noted.answer, noted.why = None, None
        options |= {"timeout": left, "allow_redirects": False}
        try:
            with open_session(1, hides_addresses=True) as session:
                session.max_redirects = 1  # for the plugin, a redirect is an answer
                noted.answer = session.request(method, url, **options)
        except REQUEST_FAILURES as error:
            noted.why = why_no_answer(error)
            raise
        return noted.answer


def limit_plugins() -> None:
    """Let all loaded plugins make their requests in time."""
    in_time = RequestsInTime()
    for name, module in list(sys.modules.items()):
        if name.startswith(PLUGINS) and vars(module).get("requests") is requests:
            vars(module)["requests"] = in_time
