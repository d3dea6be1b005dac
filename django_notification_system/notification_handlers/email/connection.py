"""Connections to the project's mail server, by Django's settings: kept open, one for a thread."""

import contextlib
import enum
import smtplib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from inspect import getattr_static
from types import TracebackType
from typing import Any, Self

from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends import console, dummy, locmem, smtp

from ...delivery.handlers.concurrency import Concurrency
from .deadline import limit_replies
from .delivering_backend import delivering_backend
from .message_bytes import sends_plainly, written_mail
from .mime import NotificationMail
from .secrets import secrets_of
from .transaction import Refused, is_seven_bit, send_all

#: Backends without a server: all threads write to the same place. The file backend is a subclass of
#: the console backend.
LOCAL_BACKENDS = (console.EmailBackend, dummy.EmailBackend, locmem.EmailBackend)
#: RFC 5321, section 3.8: the server closes the connection.
SERVICE_CLOSING = 421
SENDER_ACCEPTED = 250
#: How many seconds may pass between two looks at connections that are being opened.
OPENING_RECHECK_SECONDS = 0.02


class Stage(enum.Enum):
    """How far a message has come; the meaning of an error depends on the stage."""

    CONNECTING = "connecting"
    #: Nothing of the message has been accepted.
    START = "start"
    #: The server has accepted the sender, and perhaps recipients.
    ENVELOPE = "envelope"
    #: The server has the whole message, and has not answered yet.
    DATA_SENT = "data sent"
    #: Another package's backend, which does not tell the stage.
    OPAQUE = "opaque"


class MailConnection:
    """A connection to the mail server, opened when first needed.

    Args:
        backend: The project's mail backend.
        pipelining: Whether Django's own SMTP backend uses the server's PIPELINING.

    Attributes:
        stage: How far the present message has come.
        recipient: The message's first recipient, in the form sent to the server.
        refused: The server's words to refused recipients, where the server took other recipients.
        server: The mail server's host and port, or an empty text for a backend without SMTP.
    """

    def __init__(self, backend: Any, *, pipelining: bool) -> None:
        self.stage = Stage.CONNECTING
        self.recipient = ""
        self.refused: Refused = {}
        self._backend = backend
        self._sends_plainly = sends_plainly(backend)
        self.server = ""
        if self.is_smtp:
            limit_replies(backend, pipelining=pipelining)
            self.server = f"{backend.host}:{backend.port}"
        self._open = False
        #: Whether the connection is about to be opened.
        self.is_opening = False
        self._begins: Callable[[], object] = lambda: None

    @property
    def is_local(self) -> bool:
        """Whether messages go to one of Django's backends for development, not to a server."""
        return isinstance(self._backend, LOCAL_BACKENDS)

    @property
    def is_open(self) -> bool:
        """Whether the connection is open, as far as is known."""
        return self._open

    @property
    def is_smtp(self) -> bool:
        """Whether the backend is Django's own SMTP backend, or builds on it."""
        return isinstance(self._backend, smtp.EmailBackend)

    @property
    def _client(self) -> smtplib.SMTP | None:
        """The backend's smtplib client, or ``None``."""
        client = getattr(self._backend, "connection", None)
        return client if self.is_smtp and isinstance(client, smtplib.SMTP) else None

    @property
    def counts_what_it_sends(self) -> bool:
        """Whether a return value of 0 or None surely means that no message was sent.

        Django's own ``send_messages()`` for SMTP counts sent messages. A backend that queues
        messages, such as django-post_office's, returns 0 or None for every message it took.
        """
        own = smtp.EmailBackend.send_messages
        return getattr(type(self._backend), "send_messages", None) is own

    @property
    def backend_name(self) -> str:
        """The backend's dotted name."""
        backend = type(self._backend)
        return f"{backend.__module__}.{backend.__qualname__}"

    @property
    def secrets(self) -> list[str]:
        """The backend's secrets, to keep out of all texts."""
        return secrets_of(self._backend)

    def send(
        self, message: EmailMultiAlternatives, *, begins: Callable[[], object] = lambda: None
    ) -> int | None:
        """Send a message, and return the backend's count of sent messages.

        Where the server has closed the connection since the last message, and has accepted nothing
        of this message, the message is sent over a fresh connection.

        Args:
            message: The message.
            begins: Called before the server, or another package's backend, may have the whole
                message.

        Raises:
            Exception: The backend's own error; ``stage`` tells how far the message had come.
        """
        self._begins = begins
        was_open = self._open
        try:
            return self._send(message)
        except smtplib.SMTPException as error:
            if not (was_open and self._was_closed_before(error)):
                raise
        self.close()
        return self._send(message)

    def close(self) -> None:
        """Close the connection, in whatever state; the next message opens the connection again."""
        self._open = False
        # Every message has its outcome by now, and the server notices a closed connection.
        with contextlib.suppress(Exception):
            self._backend.close()

    def _send(self, message: EmailMultiAlternatives) -> int | None:
        if not self._open:
            self.stage = Stage.CONNECTING
            self.is_opening = True
            try:
                self._backend.open()
                self._open = True
            finally:
                self.is_opening = False
            self._watch()
        self.stage = Stage.START if self.is_smtp or self.is_local else Stage.OPAQUE
        self.refused = {}
        if self.stage is Stage.OPAQUE or self.is_local:
            self._begins()
        client = self._client
        if client is not None and isinstance(message, NotificationMail):
            message.is_seven_bit = is_seven_bit(client)
        written = written_mail(message) if self._sends_plainly else None
        if written is not None:
            self._backend.connection.sendmail(written.sender, written.recipients, written.content)
            return 1
        sent: int | None = self._backend.send_messages([message])
        return sent

    def _was_closed_before(self, error: smtplib.SMTPException) -> bool:
        if self.stage is not Stage.START:
            return False
        if isinstance(error, smtplib.SMTPSenderRefused):
            return error.smtp_code == SERVICE_CLOSING
        return isinstance(error, smtplib.SMTPServerDisconnected)

    def _watch(self) -> None:
        """Wrap the client's methods, to follow a message's stage: smtplib's errors do not tell."""
        client = self._client
        if client is None:
            return
        send = client.send
        getreply = client.getreply
        sendmail = client.sendmail
        asked_for_sender = False

        def watched_send(data: Any) -> None:
            # smtplib sends commands as str, several at once where a client uses PIPELINING; and as
            # bytes the message with its final dot.
            nonlocal asked_for_sender
            asked_for_sender = isinstance(data, str) and data[:4].lower() == "mail"
            if isinstance(data, bytes):
                self._begins()
            send(data)
            if isinstance(data, bytes):
                self.stage = Stage.DATA_SENT

        def watched_getreply() -> tuple[int, bytes]:
            nonlocal asked_for_sender
            reply = getreply()
            if asked_for_sender and reply[0] == SENDER_ACCEPTED:
                self.stage = Stage.ENVELOPE
            asked_for_sender = False
            return reply

        def watched_sendmail(
            sender: str, recipients: Sequence[str], *args: Any, **kwargs: Any
        ) -> Refused:
            self.recipient = recipients[0]
            self.refused = send_all(client, sendmail, sender, recipients, *args, **kwargs)
            return self.refused

        # Set on this one client, so that every backend built on Django's works.
        client.send = watched_send  # type: ignore[method-assign,assignment]
        client.getreply = watched_getreply  # type: ignore[method-assign]
        client.sendmail = watched_sendmail  # type: ignore[method-assign,assignment]


class ConnectionPool:
    """The connections of one call of the handler: a thread has a connection alone; all are closed.

    Args:
        timeout: Seconds to wait for an SMTP server, where Django's mail settings name no time.
        concurrency: How many connections the server takes, as far as is known.
        pipelining: Whether Django's own SMTP backend uses the server's PIPELINING.

    Raises:
        TargetUnavailable: When Django's mail settings make no connection.
    """

    def __init__(
        self, timeout: float, concurrency: Concurrency, *, pipelining: bool = True
    ) -> None:
        self._timeout = timeout
        self._concurrency = concurrency
        self._pipelining = pipelining
        self._changed = threading.Condition()
        first = self._new()
        self._idle = [first]
        self._connections = [first]
        #: Whether the server has refused one of several connections.
        self._was_refused = False
        self._was_tried_alone = False
        #: Whether the only backend is one of Django's for development.
        self.is_local = first.is_local

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for connection in self._idle:
            connection.close()

    @contextlib.contextmanager
    def borrow(self) -> Iterator[MailConnection]:
        """Lend a connection, an open one if possible; wait while all are in use."""
        with self._changed:
            self._changed.wait_for(lambda: self._idle or not self._is_full)
            if self._idle:
                connection = self._idle.pop()
            else:
                connection = self._new()
                self._connections.append(connection)
        try:
            yield connection
        finally:
            if not self._give_back(connection):
                connection.close()

    def can_do_without(self, connection: MailConnection, *, has_answered: bool) -> bool:
        """Drop a refused connection, if the pool can go on without the connection.

        From then on the pool makes no more connections than are left: servers limit the number of a
        client's connections. A server that refuses all simultaneous connections, and says so, may
        take a single connection; so the last connection is tried once more.

        Args:
            connection: A lent connection that the server has just refused.
            has_answered: Whether the server itself said so.

        Returns:
            Whether the message shall go over another connection, or this connection once more.
        """
        with self._changed:
            self._changed.notify_all()
            while not any(each.is_open for each in self._others(connection)):
                # Connections being opened may be taken or refused, too.
                if any(each.is_opening for each in self._others(connection)):
                    self._changed.wait(OPENING_RECHECK_SECONDS)
                elif not has_answered:
                    return False
                elif self._others(connection):
                    break
                else:
                    is_first_time, self._was_tried_alone = not self._was_tried_alone, True
                    return self._was_refused and is_first_time
            self._was_refused = True
            self._drop(connection)
            self._concurrency.refuse_connection(len(self._connections), time.monotonic())
            return True

    def shrinks(self, connection: MailConnection, *, began_at: float) -> bool:
        """Drop a connection over which the server took no message, if others are open.

        Args:
            connection: A lent connection, closed since.
            began_at: When the message was begun, by the monotonic clock.

        Returns:
            Whether the message shall go over another connection.
        """
        with self._changed:
            others = self._others(connection)
            if not any(each.is_open for each in others):
                return False
            # Where the server refuses several messages at once, a single connection is dropped.
            if self._concurrency.refuse_connection(
                len(others), time.monotonic(), began_at=began_at
            ):
                self._was_refused = True
                self._drop(connection)
            return True

    def _drop(self, connection: MailConnection) -> None:
        self._connections.remove(connection)
        self._changed.notify_all()

    def _give_back(self, connection: MailConnection) -> bool:
        """Take a lent connection back; return ``False`` where the connection is one too many."""
        with self._changed:
            is_kept = connection in self._connections
            if is_kept and len(self._connections) > self._concurrency.at_once:
                self._connections.remove(connection)
                is_kept = False
            if is_kept:
                self._idle.append(connection)
            self._changed.notify_all()
            return is_kept

    def _others(self, connection: MailConnection) -> list[MailConnection]:
        return [each for each in self._connections if each is not connection]

    @property
    def _is_full(self) -> bool:
        return len(self._connections) >= self._concurrency.ceiling(time.monotonic())

    def _new(self) -> MailConnection:
        backend = delivering_backend()
        if isinstance(backend, smtp.EmailBackend) and backend.timeout is None:
            backend.timeout = self._timeout
        _make_errors_heard(backend)
        return MailConnection(backend, pipelining=self._pipelining)


def _make_errors_heard(backend: Any) -> None:
    """Have a backend raise its errors: an error becomes the message's outcome, and goes no further.

    A backend that fails silently returns 0, and so does a backend that queues messages.
    """
    # Not getattr(): Django 6.1 warns where a backend without the attribute is asked for it.
    if getattr_static(backend, "fail_silently", False):
        with contextlib.suppress(AttributeError):  # a read-only property in another package's class
            backend.fail_silently = False
