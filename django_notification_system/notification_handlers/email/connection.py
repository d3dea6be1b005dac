"""Connections to the project's mail server: as Django's settings say, kept open, one a thread."""

import contextlib
import enum
import smtplib
import threading
from collections.abc import Callable, Iterator, Sequence
from inspect import getattr_static
from types import TracebackType
from typing import Any, Self

from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends import console, dummy, locmem, smtp
from django.utils.translation import gettext as _

from ...exceptions import TargetUnavailable
from ..base import one_line
from .deadline import limit_replies
from .message_bytes import sends_plainly, sharing_mail
from .mime import NotificationMail
from .secrets import secrets_of
from .transaction import Refused, is_seven_bit, send_all

#: They write to one place, one after another; the file backend is a console backend too.
LOCAL_BACKENDS = (console.EmailBackend, dummy.EmailBackend, locmem.EmailBackend)
#: RFC 5321, section 3.8: the server closes the connection.
SERVICE_CLOSING = 421
SENDER_ACCEPTED = 250
#: How often it is looked whether a connection that is being opened has been taken.
LOOK_EVERY_SECONDS = 0.02


class Stage(enum.Enum):
    """How far a message has come; what an error means depends on it."""

    CONNECTING = "connecting"
    #: Nothing of the message has been accepted.
    START = "start"
    #: The server has accepted the sender, and perhaps recipients.
    ENVELOPE = "envelope"
    #: The server has all of the message, and has not said whether it takes it.
    HANDED_OVER = "handed over"
    #: A backend of somebody else's, which does not tell.
    OPAQUE = "opaque"


class MailConnection:
    """One connection, opened when it is first needed.

    Attributes:
        stage: How far the present message has come.
        recipient: The message's first recipient, in the form that the server was told.
        refused: What the server said to each recipient that it refused, where it took others.
        server: The mail server's host and port, or an empty text where the backend is no SMTP.
    """

    def __init__(self, backend: Any) -> None:
        self.stage = Stage.CONNECTING
        self.recipient = ""
        self.refused: Refused = {}
        self._backend = backend
        self._sends_plainly = sends_plainly(backend)
        self.server = ""
        if self.is_smtp:
            limit_replies(backend)
            self.server = f"{backend.host}:{backend.port}"
        self._open = False
        #: Whether the connection is about to be opened.
        self.is_opening = False
        self._begins: Callable[[], object] = lambda: None

    @property
    def is_local(self) -> bool:
        """Whether messages go to one of Django's backends for development, to no server."""
        return isinstance(self._backend, LOCAL_BACKENDS)

    @property
    def is_open(self) -> bool:
        """Whether the connection is open, as far as is known."""
        return self._open

    @property
    def is_smtp(self) -> bool:
        """Whether Django's own SMTP backend, or one that builds on it, is at work."""
        return isinstance(self._backend, smtp.EmailBackend)

    @property
    def _client(self) -> smtplib.SMTP | None:
        """What talks to the server, where that is smtplib's."""
        client = getattr(self._backend, "connection", None)
        return client if self.is_smtp and isinstance(client, smtplib.SMTP) else None

    @property
    def counts_what_it_sends(self) -> bool:
        """Whether a message was surely not sent where the backend says 0 or nothing.

        That is how Django's own ``send_messages()`` of SMTP works. A backend that queues messages,
        such as django-post_office's, returns 0 or None for each message that it took.
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
        """What must not appear in any text."""
        return secrets_of(self._backend)

    def send(
        self, message: EmailMultiAlternatives, *, begins: Callable[[], object] = lambda: None
    ) -> int | None:
        """Send a message, and return what the backend returns: how many it sent.

        Where the server has closed the connection since the last message and has accepted
        nothing of this one, it is sent over a fresh connection.

        Args:
            message: What to send.
            begins: Called before the server, or another backend, may have all of it.

        Raises:
            Exception: Whatever the backend raises; ``stage`` tells how far it had come.
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
        """Close the connection, in whatever state it is; the next message opens it again."""
        self._open = False
        # What matters has its outcome by now, and the server notices by itself.
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
        shared = sharing_mail(message) if self._sends_plainly else None
        if shared is not None:
            self._backend.connection.sendmail(shared.sender, shared.recipients, shared.content)
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
        """Notice how far each message comes, which smtplib knows and its errors do not tell."""
        client = self._client
        if client is None:
            return
        send = client.send
        getreply = client.getreply
        sendmail = client.sendmail
        asked_for_sender = False

        def watched_send(data: Any) -> None:
            # smtplib sends commands as str, several at once where a client uses PIPELINING. Bytes
            # are the message with its final dot.
            nonlocal asked_for_sender
            asked_for_sender = isinstance(data, str) and data[:4].lower() == "mail"
            if isinstance(data, bytes):
                self._begins()
            send(data)
            if isinstance(data, bytes):
                self.stage = Stage.HANDED_OVER

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

        # On this one client, so that it works with whatever builds on Django's backend.
        client.send = watched_send  # type: ignore[method-assign,assignment]
        client.getreply = watched_getreply  # type: ignore[method-assign]
        client.sendmail = watched_sendmail  # type: ignore[method-assign,assignment]


class ConnectionPool:
    """The connections of one batch: each used by one thread at a time, all closed at the end.

    Args:
        timeout: Seconds to wait for an SMTP server, where Django's mail settings name no time.

    Raises:
        TargetUnavailable: When Django's mail settings make no connection.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._changed = threading.Condition()
        first = self._new()
        self._idle = [first]
        self._connections = [first]
        #: How many there may be; ``None``: as many as are asked for.
        self._most: int | None = None
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
        """Lend a connection, one that is open rather than a new one; wait where all are in use."""
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
            with self._changed:
                if connection in self._connections:
                    self._idle.append(connection)
                self._changed.notify_all()

    def can_do_without(self, connection: MailConnection, *, has_answered: bool) -> bool:
        """Drop a connection that the server does not take, where it has others that it does.

        From then on there are no more than those: servers limit how many a client may have. A
        server that refuses all that come at once, and says so, may take one of them alone; the
        last one is tried once more.

        Args:
            connection: One that is lent, and has just been refused.
            has_answered: Whether the server said so itself.
        """
        with self._changed:
            self._changed.notify_all()
            while not any(each.is_open for each in self._others(connection)):
                # Those that are just being opened may be taken, or refused, too.
                if any(each.is_opening for each in self._others(connection)):
                    self._changed.wait(LOOK_EVERY_SECONDS)
                elif not has_answered:
                    return False
                elif self._others(connection):
                    break
                else:
                    is_first_time, self._was_tried_alone = not self._was_tried_alone, True
                    return self._most is not None and is_first_time
            self._connections.remove(connection)
            self._most = len(self._connections)
            return True

    def _others(self, connection: MailConnection) -> list[MailConnection]:
        return [each for each in self._connections if each is not connection]

    @property
    def _is_full(self) -> bool:
        return self._most is not None and len(self._connections) >= self._most

    def _new(self) -> MailConnection:
        try:
            backend = _default_backend()
        except Exception as error:
            raise TargetUnavailable(
                _(
                    "Django's mail settings make no connection (%s). Correct EMAIL_BACKEND and the"
                    " other EMAIL_ settings or, from Django 6.1, MAILERS."
                )
                % one_line(error)
            ) from error
        if isinstance(backend, smtp.EmailBackend) and backend.timeout is None:
            backend.timeout = self._timeout
        _make_errors_heard(backend)
        return MailConnection(backend)


def _make_errors_heard(backend: Any) -> None:
    """Have a backend raise its errors: each becomes the outcome of a message, and disturbs nobody.

    A backend that fails silently returns 0, as a backend does that queues messages.
    """
    # Django 6.1 warns of those who ask a backend that has no such attribute.
    if getattr_static(backend, "fail_silently", False):
        with contextlib.suppress(AttributeError):  # a property of a class of somebody else's
            backend.fail_silently = False


def _default_backend() -> Any:
    # Django 6.1 has mailers, made from the EMAIL_ settings where MAILERS is not set.
    mailers = getattr(mail, "mailers", None)
    return mail.get_connection() if mailers is None else mailers.default
