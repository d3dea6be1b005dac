"""The clients of Django's SMTP backend: limited in time and length, and with PIPELINING."""

import smtplib
import socket
import ssl
from collections.abc import Sequence
from functools import cache
from typing import Any

from django.core.mail.backends import smtp

from ..deadlines import (
    LONGEST_REPLY,
    RESOLVE_SECONDS,
    Deadline,
    LimitedReader,
    WholeLines,
    resolve,
)
from ..pipelining import PipeliningSMTP

#: How many times a reply's time the opening of a connection may take in all, and so may a message.
#: RFC 5321, section 4.5.3.2, allows minutes for a reply: some servers keep a client waiting for a
#: few replies; a server that does so for all replies holds up other messages.
CONVERSATION_TIMEOUTS = 4


def limit_replies(backend: Any, *, pipelining: bool) -> None:
    """Limit the time that a backend of Django's, not yet connected, waits for its server.

    A reply that is not whole after the backend's ``timeout``, in seconds, ends the connection like
    a missing reply: smtplib raises ``SMTPServerDisconnected``. So does a reply longer than 1 MiB or
    cut off, and a connection or a message not through after four times the timeout.

    Args:
        backend: Django's SMTP backend, or a subclass. Only the way the backend connects is changed.
        pipelining: Whether Django's own backend sends an envelope at once to a server that
            advertises PIPELINING. A subclass, which may have a client of its own, stays as it is.
    """
    if not getattr(backend, "limits_replies", False):
        backend_class: Any = type(backend)
        is_django_own = backend_class is smtp.EmailBackend
        backend.__class__ = _limiting_backend(
            backend_class, (PipeliningSMTP,) if pipelining and is_django_own else ()
        )


@cache
def _limiting_backend(backend_class: Any, mixins: tuple[type, ...]) -> Any:
    def connection_class(self: Any) -> Any:
        return _limiting_client(super(limiting, self).connection_class, mixins)

    # The class keeps its name and place, because people know the backend they set.
    limiting: Any = type(
        backend_class.__name__,
        (backend_class,),
        {
            "__module__": backend_class.__module__,
            "__qualname__": backend_class.__qualname__,
            "connection_class": property(connection_class),
            "limits_replies": True,
        },
    )
    return limiting


@cache
def _limiting_client(client_class: Any, mixins: tuple[type, ...]) -> Any:
    if not (isinstance(client_class, type) and issubclass(client_class, smtplib.SMTP)):
        return client_class
    # smtplib.SMTP itself comes last, because it is the base of the others, too.
    return type(client_class.__name__, (_LimitingClient, *mixins, client_class), {})


class _LimitingClient(smtplib.SMTP):
    _deadline: Deadline | None = None
    _replies: LimitedReader

    def _get_socket(self, host: str, port: int, timeout: Any) -> socket.socket:
        """Connect; the name is resolved within the time.

        Raises:
            UnicodeError: When the host is no name.
        """
        host.encode("idna")
        seconds = timeout if isinstance(timeout, (int, float)) else RESOLVE_SECONDS
        addresses = resolve(host, port, seconds)
        for address in addresses[:-1]:
            try:
                return self._connect_to(address, port, timeout)
            except ssl.SSLError:
                raise  # the server is there
            except OSError:
                continue
        return self._connect_to(addresses[-1] if addresses else host, port, timeout)

    def _connect_to(self, address: str, port: int, timeout: Any) -> socket.socket:
        connected: socket.socket = super()._get_socket(address, port, timeout)  # type: ignore[misc]
        return connected

    def sendmail(
        self, from_addr: str, to_addrs: str | Sequence[str], *args: Any, **kwargs: Any
    ) -> dict[str, tuple[int, bytes]]:
        """Send a message: a conversation of its own."""
        if self._deadline is not None:
            self._deadline.begin_conversation(CONVERSATION_TIMEOUTS)
        return super().sendmail(from_addr, to_addrs, *args, **kwargs)

    def send(self, s: Any) -> None:
        """Send, for no longer than a reply may take.

        Raises:
            SMTPServerDisconnected: When no time is left.
        """
        if self._deadline is None or self.sock is None:
            super().send(s)
            return
        self._deadline.begin_reply()
        try:
            self._deadline.limit(self.sock)
        except TimeoutError as error:
            self.close()
            raise smtplib.SMTPServerDisconnected(f"Server not connected: {error}") from error
        try:
            super().send(s)
        finally:
            self._deadline.restore(self.sock)

    def getreply(self) -> tuple[int, bytes]:
        """Read a reply, for no longer than a socket may be silent."""
        if self.sock is None:
            return super().getreply()
        if self._deadline is None:
            self._deadline = Deadline(self.sock.gettimeout())
            self._deadline.begin_conversation(CONVERSATION_TIMEOUTS)
        if self.file is None:  # of a new connection, or a connection encrypted from now on
            self._replies = LimitedReader(self.sock, self._deadline, LONGEST_REPLY)
            self.file = WholeLines(self._replies)
        self._replies.begin_reply()
        try:
            return super().getreply()
        finally:
            self._deadline.restore(self.sock)
