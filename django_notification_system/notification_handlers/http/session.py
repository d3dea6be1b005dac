"""For handlers of providers with an HTTP API: the session, and requests without an answer."""

import ssl
from collections.abc import Iterator, Mapping
from http.client import BadStatusLine, RemoteDisconnected, UnknownProtocol
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import SplitResult, urlsplit

import requests
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from requests.auth import HTTPBasicAuth
from requests.utils import get_auth_from_url
from urllib3.exceptions import (
    ConnectTimeoutError,
    InvalidChunkLength,
    LocationValueError,
    MaxRetryError,
    NewConnectionError,
    ProxyError,
    SSLError,
)

from ...exceptions import TargetUnavailable
from ...models import Notification
from ...printable import without_password
from ..base import Outcome, one_line, shortened, with_next_step
from ..faults import NOBODY_KNOWS, NoAnswer
from ..retry_after import not_before
from .deadline import ENCODINGS, DeadlineAdapter, was_written

#: The project's own settings are wrong: the credentials, the account or the address of the API.
#: RFC 9110, section 15.5: unauthorized, forbidden, not found, proxy authentication required.
REFUSES_PROJECT = frozenset({401, 403, 404, 407})
#: RFC 9110, sections 15.6.3 and 15.6.5: a gateway got no answer in time, or could not read the
#: answer, so the message may have gone out.
GATEWAY_CANNOT_KNOW = frozenset({502, 504})
#: Not processed: RFC 9110, section 15.5.9; RFC 6585, section 4. The other 5xx neither; those are
#: the API's own fault, and every other message would meet the fault too.
REQUEST_TIMEOUT, TOO_MANY_REQUESTS = 408, 429

CORRECT_SETTINGS = gettext_noop("Correct the credentials and base_url in the target's settings.")
CORRECT_CERTIFICATES = gettext_noop(
    "Correct base_url in the target's settings, or have the machine trust this certificate"
    " (REQUESTS_CA_BUNDLE)."
)
#: The errors of a request; ``requests`` lets the second through.
REQUEST_FAILURES = (requests.RequestException, LocationValueError)
RequestFailure = requests.RequestException | LocationValueError
#: Errors with a part of an answer that no program can read.
QUOTE_ANSWER = (BadStatusLine, UnknownProtocol, InvalidChunkLength, ValueError)


def open_session(connections: int, *, hides_addresses: bool = False) -> requests.Session:
    """Return a session that keeps connections open between requests, and follows no redirect.

    Proxies and certificates come from the environment, as ``requests`` documents; logins never come
    from a ``.netrc`` file, whose login for the host would take the place of the target's own.

    A request's ``timeout``, in seconds, is for the whole reply.

    Args:
        connections: How many threads use the session at once.
        hides_addresses: Whether the paths of the addresses are secrets, and are to stay out of
            urllib3's log.
    """
    session = _Session()
    adapter = DeadlineAdapter(pool_maxsize=connections, hides_addresses=hides_addresses)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.headers["Accept-Encoding"] = ENCODINGS
    # A message goes to the address in the settings and to no other.
    session.max_redirects = 0
    session.auth = _login_of_address
    # An API has no use for cookies, and a server's cookie is not for its domain's other hosts.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


class _Session(requests.Session):
    """A session that reads no ``Location``: at odd bytes the base class raises its own errors."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return a target for each redirect, so that each raises ``TooManyRedirects``."""
        return "/" if resp.is_redirect else None


def _login_of_address(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Log in as the address says; ``requests`` looks into ``.netrc`` where a session has no login.

    A request's own ``auth`` comes before this.
    """
    name, password = get_auth_from_url(request.url or "")
    if name or password:
        HTTPBasicAuth(name, password)(request)
    return request


def split_base_url(base_url: str) -> SplitResult:
    """Return the parts of a target's ``base_url``.

    Args:
        base_url: The address, as in the settings.

    Raises:
        TargetUnavailable: When ``base_url`` is no web address: no other address is guessed.
    """
    try:
        parts = urlsplit(base_url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise TargetUnavailable(
            _(
                "base_url in the target's settings is no web address. It must start with https://"
                " or http:// and name a host."
            )
        )
    return parts


def server_of(base_url: SplitResult) -> str:
    """Return the host of a ``base_url``, with the port behind a colon, without a password.

    Args:
        base_url: The parts, from ``split_base_url()``.
    """
    return base_url.netloc.rpartition("@")[2]


def password_of(address: object) -> str:
    """Return the password in a web address; an empty text without a password or an address.

    Args:
        address: The address, of any type.
    """
    try:
        return urlsplit(str(address)).password or ""
    except ValueError:
        return ""


def outcome_without_answer(notification: Notification, error: requests.RequestException) -> Outcome:
    """Return the outcome of a request without an answer.

    Args:
        notification: The notification that was to be sent.
        error: The error of ``requests``.

    Raises:
        TargetUnavailable: When no request can be made with the target's settings.
    """
    if isinstance(error, requests.TooManyRedirects):
        said = _("The provider's API answered with a redirect.")
        raise TargetUnavailable(with_next_step(said, _(CORRECT_SETTINGS)))
    reason = why_no_answer(error)
    said = said_of_no_answer(error)
    if reason is NoAnswer.NO_REQUEST:
        raise TargetUnavailable(with_next_step(said, _(CORRECT_SETTINGS)))
    if reason is NoAnswer.NOT_TRUSTED:
        raise TargetUnavailable(with_next_step(said, _(CORRECT_CERTIFICATES)))
    if reason is NoAnswer.NOT_CONNECTED:
        return Outcome.retry(notification, said, unreachable=True)
    return Outcome.unknown(notification, f"{said} {NOBODY_KNOWS}", unreachable=True)


def said_of_no_answer(error: Exception) -> str:
    """Return an error of a request for people, without the address: its path may be a secret.

    Args:
        error: The error of ``requests`` or ``urllib3``.
    """
    kind = type(error).__name__
    if not isinstance(error, requests.RequestException) or (
        why_no_answer(error) is NoAnswer.NO_REQUEST
    ):
        # The error's text may repeat the faulty value, a header with the token included.
        return _("%s: no request can be made.") % kind
    failure = error.args[0] if error.args else None
    # MaxRetryError names the whole address, its reason the host alone.
    if isinstance(failure, MaxRetryError) and failure.reason is not None:
        return f"{kind}: {without_password(shortened(str(failure.reason)))}"
    quoting = next((each for each in _with_causes(error) if _quotes_answer(each)), None)
    if quoting is not None:
        return _("%(kind)s: the answer is no HTTP (%(error)s).") % {
            "kind": kind,
            "error": type(quoting).__name__,
        }
    return one_line(error)


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and the errors in its arguments."""
    yield error
    for each in error.args:
        if isinstance(each, BaseException):
            yield from _with_causes(each)


def _quotes_answer(error: BaseException) -> bool:
    """Tell whether an error quotes a server's words: an echo's are the request with its secrets."""
    return isinstance(error, QUOTE_ANSWER) and not isinstance(error, RemoteDisconnected)


def why_no_answer(error: RequestFailure) -> NoAnswer:
    """Return why a request got no answer.

    Args:
        error: One of ``REQUEST_FAILURES``.
    """
    if was_written(error):
        # Where the answer's TLS or header is broken, the error looks like one before a request.
        return NoAnswer.LOST
    if isinstance(error, ValueError) and not isinstance(error, requests.JSONDecodeError):
        return NoAnswer.NO_REQUEST
    failure = error.args[0] if error.args else None
    if not isinstance(failure, MaxRetryError):
        return NoAnswer.LOST
    reason: Exception | None = failure.reason
    if isinstance(reason, ProxyError):
        # ProxyError comes also where a proxy goes away with the request.
        reason = reason.original_error
        if type(reason) is OSError:
            return NoAnswer.NOT_CONNECTED  # the proxy opens no tunnel
    if isinstance(reason, SSLError):
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in reason.args):
            return NoAnswer.NOT_TRUSTED
        # SSLEOFError comes also after the request, where the other side just goes away.
        lost = any(isinstance(cause, ssl.SSLEOFError) for cause in reason.args)
        return NoAnswer.LOST if lost else NoAnswer.NOT_CONNECTED
    not_made = isinstance(reason, (ConnectTimeoutError, NewConnectionError))
    return NoAnswer.NOT_CONNECTED if not_made else NoAnswer.LOST


def outcome_of_status(
    notification: Notification, status: int, response: str, headers: Mapping[str, str]
) -> Outcome:
    """Return the outcome of a request whose answer is no success, by the HTTP status alone.

    Judge before this what the provider says of an address: 404, 410.

    Args:
        notification: The notification that was to be sent.
        status: The answer's status.
        response: The line for people.
        headers: The answer's headers.

    Raises:
        TargetUnavailable: When the API refuses the project, not the message.
    """
    if status in REFUSES_PROJECT or 300 <= status < 400:
        raise TargetUnavailable(with_next_step(response, _(CORRECT_SETTINGS)))
    if status in GATEWAY_CANNOT_KNOW or status < 400:
        return Outcome.unknown(notification, f"{response} {NOBODY_KNOWS}", unreachable=True)
    wait_until = not_before(headers.get("Retry-After"))
    if status == TOO_MANY_REQUESTS or (status >= 500 and wait_until is not None):
        return Outcome.busy(notification, response, not_before=wait_until)
    if status >= 500:
        return Outcome.retry(notification, response, out_of_order=True)
    if status == REQUEST_TIMEOUT:
        return Outcome.retry(notification, response, not_before=wait_until)
    return Outcome.failed(notification, response)
