"""The answer behind an error of a provider's client: the clients' errors leave parts of it out."""

import threading
from collections.abc import Mapping
from typing import Any

import requests


class LastAnswer(threading.local):
    """The answer to the calling thread's last request on a session; redirects count.

    A client that several threads use keeps one answer for all of them, if any.

    Attributes:
        response: The answer; ``None`` where none came.
    """

    response: requests.Response | None = None

    def listen_to(self, session: requests.Session) -> None:
        """Note the answers of a session from now on.

        Args:
            session: The session of all threads.
        """
        session.hooks["response"].append(self._note)

    def forget(self) -> None:
        """Forget the answer, before the next request."""
        self.response = None

    @property
    def status(self) -> int:
        """The answer's HTTP status; 0 without an answer."""
        return 0 if self.response is None else self.response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        """The answer's headers; none without an answer."""
        return {} if self.response is None else self.response.headers

    def _note(self, response: requests.Response, *args: Any, **kwargs: Any) -> None:
        self.response = response


def redirect_of(error: Exception) -> requests.Response | None:
    """Return the redirect behind an error of a session that follows none; ``None`` without one.

    Args:
        error: The error.
    """
    return error.response if isinstance(error, requests.TooManyRedirects) else None
