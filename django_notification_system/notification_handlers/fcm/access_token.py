"""Google's access tokens: made of a service account's key, and shared by all threads.

Source: https://developers.google.com/identity/protocols/oauth2/service-account
"""

import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import requests
from django.utils.translation import gettext as _
from google.auth import exceptions, transport
from google.oauth2.service_account import Credentials

from ..http.last_answer import redirect_of
from ..http.session import REQUEST_FAILURES, said_of_no_answer, why_no_answer
from .faults import MAKES_NO_SENSE, Part, Trouble
from .service_account import ServiceAccount, WrongCredentials

#: The right to send messages, and no other. Source:
#: https://firebase.google.com/docs/cloud-messaging/auth-server
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
#: How long before its end a token is replaced: no request takes so long.
SPARE = timedelta(minutes=5)
#: Longer than every error's name.
LONGEST_NAME = 60
#: What the library raises at an answer of another shape.
NOT_AS_SHAPED = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


class NoAccessToken(Exception):
    """There is no access token now, so no message was sent.

    Attributes:
        trouble: The trouble, for the table of faults.
        said: The trouble for people, without secrets.
        headers: The answer's headers.
    """

    def __init__(
        self, trouble: Trouble, said: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(said)
        self.trouble = trouble
        self.said = said
        self.headers = headers or {}


class AccessTokens:
    """The access tokens of a service account, for all threads and runs of this process.

    One thread fetches a token, and the others wait for its token, or for its failure.

    Args:
        account: The service account's key.

    Raises:
        WrongCredentials: When the private key is none.
    """

    def __init__(self, account: ServiceAccount) -> None:
        self._credentials = _credentials(account)
        self._lock = threading.Lock()
        #: How many requests for a token have ended.
        self._ended = 0
        self._failure: NoAccessToken | None = None

    def current(self, session: requests.Session, timeout: float) -> str:
        """Return a token with at least five minutes to live.

        Args:
            session: The session for a request.
            timeout: Seconds to wait for a whole answer.

        Raises:
            NoAccessToken: When there is none.
        """
        return self._token(session, timeout, refused="")

    def other_than(self, refused: str, session: requests.Session, timeout: float) -> str:
        """Return another token than one that FCM has refused.

        Args:
            refused: The refused token.
            session: The session for a request.
            timeout: Seconds to wait for a whole answer.

        Raises:
            NoAccessToken: When there is none.
        """
        return self._token(session, timeout, refused=refused)

    def _token(self, session: requests.Session, timeout: float, *, refused: str) -> str:
        ended_before = self._ended
        with self._lock:
            if not self._is_fresh(refused):
                if self._failure is not None and self._ended != ended_before:
                    raise self._failure  # another thread has just asked
                self._fetch(session, timeout)
            return str(self._credentials.token)

    def _is_fresh(self, refused: str) -> bool:
        token, expiry = self._credentials.token, self._credentials.expiry
        if not token or token == refused or expiry is None:
            return False
        # The library's moments are in UTC, and have no zone.
        return bool(datetime.now(UTC).replace(tzinfo=None) < expiry - SPARE)

    def _fetch(self, session: requests.Session, timeout: float) -> None:
        self._failure = None
        try:
            self._credentials.refresh(_Request(session, timeout))
            _check_token(self._credentials.token)
        except NoAccessToken as failure:
            self._failure = failure
            raise
        except (exceptions.GoogleAuthError, *NOT_AS_SHAPED) as error:
            # An answer that is none: without a token, or with an odd time.
            said = f"{type(error).__name__}: the answer has no access token."
            self._credentials.token = None
            self._failure = NoAccessToken(Trouble(Part.TOKEN, answer=MAKES_NO_SENSE), said)
            raise self._failure from None
        finally:
            self._ended += 1


def access_tokens(account: ServiceAccount) -> AccessTokens:
    """Return the tokens of a service account; the same object for the same key.

    Args:
        account: The service account's key.

    Raises:
        WrongCredentials: When the private key is none.
    """
    return _access_tokens(json.dumps(dict(account.info), sort_keys=True, default=str))


@lru_cache(maxsize=8)
def _access_tokens(info: str) -> AccessTokens:
    return AccessTokens(ServiceAccount(info=json.loads(info), project_id=""))


def _credentials(account: ServiceAccount) -> Credentials:
    try:
        return Credentials.from_service_account_info(dict(account.info), scopes=[SCOPE])
    except (exceptions.GoogleAuthError, ValueError, TypeError) as error:
        # Not the error's own text: it may quote the key.
        raise WrongCredentials(
            _("has credentials whose private_key is no key (%s).") % type(error).__name__
        ) from None


class _Request(transport.Request):  # type: ignore[misc] # the package has no types
    """The library's request, on this app's session: with its deadline, and without repetition.

    The library alone would wait two minutes, and ask three times.
    """

    def __init__(self, session: requests.Session, timeout: float) -> None:
        self._session = session
        self._timeout = timeout

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **kwargs: Any,
    ) -> "_Response":
        try:
            answer = self._session.request(
                method, url, data=body, headers=headers, timeout=self._timeout
            )
        except REQUEST_FAILURES as error:
            if (redirect := redirect_of(error)) is not None:
                raise _refused(str(redirect.status_code), "the answer is a redirect.") from None
            raise _refused(why_no_answer(error).value, said_of_no_answer(error)) from None
        if answer.status_code != requests.codes.ok:
            said = f"HTTP {answer.status_code}: {_words(answer)}"
            raise _refused(str(answer.status_code), said, answer.headers)
        return _Response(answer)


class _Response(transport.Response):  # type: ignore[misc] # the package has no types
    """An answer as the library reads it."""

    def __init__(self, answer: requests.Response) -> None:
        self._answer = answer

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._answer.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers."""
        return self._answer.headers

    @property
    def data(self) -> bytes:
        """The body; an empty object where it is no text."""
        try:
            self._answer.content.decode()
        except UnicodeDecodeError:
            return b"{}"
        return self._answer.content


def _check_token(token: Any) -> None:
    """Refuse a token that fits no header.

    Raises:
        ValueError: When the token is none.
    """
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise ValueError("no token")


def _refused(answer: str, said: str, headers: Mapping[str, str] | None = None) -> NoAccessToken:
    return NoAccessToken(Trouble(Part.TOKEN, answer=answer), f"No access token: {said}", headers)


def _words(answer: requests.Response) -> str:
    """Return an error's name; the description may quote the request. Source: RFC 6749, section 5.2.

    Args:
        answer: The answer that refuses.
    """
    try:
        said = answer.json()
    except (ValueError, RecursionError):
        return "no reason is given."
    error = said.get("error") if isinstance(said, dict) else None
    is_name = isinstance(error, str) and error.isidentifier() and len(error) <= LONGEST_NAME
    return f"{error}." if is_name else "no reason is given."
