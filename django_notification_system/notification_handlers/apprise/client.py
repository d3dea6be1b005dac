"""Apprise itself: a URL becomes a service, a message is sent, and nothing of both is logged.

The library is imported by its own name: this folder has the same, but inside the package.
"""

import base64
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import unquote

try:
    import apprise
    from apprise.plugins import url_to_dict
except ImportError as error:
    raise ImportError(
        f"Apprise cannot be imported ({error}): pip install 'django-notification-system[apprise]'"
    ) from error

from ..faults import LOST, NOT_CONNECTED, NoAnswer
from ..http.quiet_log import addresses_hidden
from .faults import Problem
from .in_time import Exchange, exchange, limit_plugins
from .service_url import OPTIONS, ServiceUrl, UnusableUrl, is_refused
from .settings import AppriseSettings

#: What a plugin that uses no ``requests`` writes of a request without an answer.
NO_ANSWER = re.compile(r"connection error|timed? ?out", re.IGNORECASE)
#: Where a URL's parts end.
SEPARATOR = re.compile(r"[/?&=@:#+,;\s]+")
OPTIONS_IN_URL = ("qsd", "qsd+", "qsd-", "qsd:")


#: The warnings that Apprise writes into its log during a call.
_told: ContextVar[list[str] | None] = ContextVar("told_by_apprise", default=None)


class _Keep(logging.Filter):
    """Keeps what Apprise logs out of the log: its lines quote URLs, bodies and answers.

    Lines during a call are for the call. Others pass from level WARNING on.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let a record through, or not."""
        told = _told.get()
        is_warning = record.levelno >= logging.WARNING
        if told is None:
            return is_warning
        if is_warning:
            told.append(record.getMessage())
        return False


logging.getLogger("apprise").addFilter(_Keep())


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Collect Apprise's warnings in this thread, and keep its lines out of the log."""
    told: list[str] = []
    mark = _told.set(told)
    try:
        with addresses_hidden():
            yield told
    finally:
        _told.reset(mark)


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service, ready for one message.

    Attributes:
        plugin: Apprise's object.
        name: The service's name, such as ``Slack``.
        secrets: The URL, and its parts in each form in which they may come back.
        is_trusted: Whether the URL is one of the settings.
    """

    plugin: Any = field(repr=False)
    name: str
    secrets: tuple[str, ...] = field(repr=False)
    is_trusted: bool

    @property
    def has_several(self) -> bool:
        """Whether the URL names several recipients."""
        return len(self.plugin) > 1


@dataclass(frozen=True, kw_only=True)
class Told:
    """What Apprise tells of a message.

    Attributes:
        is_delivered: Whether the service took the message.
        answer: The HTTP status, a word of ``faults``, or an empty text.
        retry_after: The answer's header ``Retry-After``, if any.
        words: The first warning; it may quote secrets.
    """

    is_delivered: bool
    answer: str
    retry_after: str | None
    words: str = field(repr=False)


@cache
def load() -> None:
    """Let Apprise find its plugins: once, in one thread, and before the first message."""
    with _listening(), warnings.catch_warnings():
        # Of the plugins' own imports: nothing that a project could mend.
        warnings.simplefilter("ignore", DeprecationWarning)
        url_to_dict("json://localhost")  # type: ignore[no-untyped-call]
    limit_plugins()


def open_service(place: ServiceUrl, settings: AppriseSettings) -> Service:
    """Return the service of a URL.

    Args:
        place: The URL.
        settings: The target's settings.

    Raises:
        UnusableUrl: When Apprise makes no service of the URL, or the URL's options are not allowed.
    """
    unreadable = Problem.UNREADABLE_SETTING if place.is_trusted else Problem.UNREADABLE
    asset = apprise.AppriseAsset(storage_mode="memory", service_timeout=0)
    asset.async_mode = False
    with _listening():
        try:
            parts = url_to_dict(place.url)  # type: ignore[no-untyped-call]
        except Exception:  # a plugin's, of text that it does not expect
            parts = None
        if not parts:
            raise UnusableUrl(unreadable)
        # Apprise makes URLs of its own of some services' https addresses.
        if is_refused(str(parts.get("schema", "")), settings.schemas):
            raise UnusableUrl(Problem.NOT_ALLOWED)
        if not place.is_trusted:
            asked = {str(key).lower() for part in OPTIONS_IN_URL for key in parts.get(part) or ()}
            if not asked <= OPTIONS:
                raise UnusableUrl(Problem.NOT_ALLOWED)
            parts["verify"] = True
        timeout = settings.timeout
        # The engine tries again, and a redirect may lead anywhere.
        parts |= {"retry": 0, "optional": False, "redirect": False, "cto": timeout, "rto": timeout}
        plugin: Any = apprise.Apprise.instantiate(parts, asset=asset)
    if plugin is None:
        raise UnusableUrl(unreadable)
    # A URL with a thousand recipients would hold a thread for hours; the setting ``rate`` waits.
    plugin.throttle = _go_on
    return Service(
        plugin=plugin,
        name=str(plugin.service_name),
        secrets=tuple(_secrets(place.url, parts)),
        is_trusted=place.is_trusted,
    )


def _go_on(*arguments: Any, **options: Any) -> None:
    """Stand in for a plugin's pause between two requests."""


def send(service: Service, title: str, body: str, *, timeout: float) -> Told:
    """Send a message to a service, in this thread.

    Args:
        service: The service.
        title: The message's title.
        body: The message's text.
        timeout: Seconds for all requests together, from the first to the last answer's end.
    """
    caller = apprise.Apprise()
    caller.add(service.plugin)
    with _listening() as warned, exchange(timeout) as noted:
        is_delivered = bool(
            caller.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT)
        )
    answer = noted.answer
    return Told(
        is_delivered=is_delivered,
        answer=_answer(noted, warned),
        retry_after=None if answer is None else answer.headers.get("Retry-After"),
        words=warned[0] if warned else "",
    )


def _answer(noted: Exchange, warned: list[str]) -> str:
    if noted.answer is not None:
        return str(noted.answer.status_code)
    if noted.why is not None:
        return LOST if noted.why is NoAnswer.LOST else NOT_CONNECTED
    return LOST if any(map(NO_ANSWER.search, warned)) else ""


def _secrets(url: str, parts: dict[str, Any]) -> Iterator[str]:
    yield url
    for text in (url, unquote(url)):
        yield from SEPARATOR.split(text)
    user, password = (str(parts.get(name) or "") for name in ("user", "password"))
    yield base64.b64encode(f"{user}:{password}".encode()).decode()
