"""A connection to the project's mail server, kept open."""

import contextlib
import enum
import smtplib
from collections.abc import Callable, Sequence
from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends import console, dummy, locmem, smtp

from ..pipelining import SERVICE_CLOSING
from .deadline import limit_replies
from .message_bytes import sends_plainly, written_mail
from .mime import NotificationMail
from .secrets import secrets_of
from .transaction import Refused, is_seven_bit, send_all

#: Backends without a server: all threads write to the same place. The file backend is a subclass of
#: the console backend.
LOCAL_BACKENDS = (console.EmailBackend, dummy.EmailBackend, locmem.EmailBackend)
SENDER_ACCEPTED = 250


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
