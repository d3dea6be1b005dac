"""A mail server on a real local socket; it accepts every mail unless told otherwise."""

import email.policy
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from .limit import MessageLimit
from .smtp_conversation import DROP as DROP
from .smtp_conversation import Controller, Conversation

if TYPE_CHECKING:
    from aiosmtpd.smtp import Envelope

Command = Literal["CONNECT", "AUTH", "MAIL", "RCPT", "DATA", "MESSAGE"]
COMMANDS = ("CONNECT", "AUTH", "MAIL", "RCPT", "DATA", "MESSAGE")


class ReceivedEmail(EmailMessage):
    """A received mail, with its envelope.

    Attributes:
        envelope_from: The sender in the envelope.
        envelope_to: The recipients in the envelope, including blind copies.
        connection: The number of the mail's connection; the first is 1.
        raw: The mail's bytes.
    """

    envelope_from: str
    envelope_to: list[str]
    connection: int
    raw: bytes

    @property
    def text(self) -> str:
        """The text part, or an empty text."""
        return self._content_of("plain")

    @property
    def html(self) -> str:
        """The HTML part, or an empty text."""
        return self._content_of("html")

    def _content_of(self, subtype: str) -> str:
        part = self.get_body((subtype,))
        return "" if part is None else str(part.get_content())


@dataclass
class _Answer:
    """An answer to a command, with the number of uses."""

    command: str
    reply: str | None
    recipient: str | None
    after: int
    times: int | None
    delay: float

    def applies(self, command: str, recipients: list[str]) -> bool:
        if command != self.command or self.times == 0:
            return False
        if self.recipient is not None and self.recipient not in recipients:
            return False
        if self.after:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


class SmtpStandIn:
    """A mail server for tests and development: keeps all mails and forwards none.

    As a context manager, the server listens on ``host`` and ``port``::

        with SmtpStandIn() as server:
            server.answer("RCPT", "550 5.1.1 No such user", recipient="egg@example.com")

    Args:
        port: The port; by default any free port.
        on_message: Called with each accepted mail, in the server's thread.

    Attributes:
        host: The address of the server.
        port: The port of the server.
        received: The accepted mails, in order.
        connections: Number of connections opened by clients.
        most_open_connections: The highest number of connections open at once.
        messages_per_connection: Number of mails after which the server closes a connection without
            a word; by default never.
        most_recipients: Number of recipients accepted for a mail; further recipients get 452, as
            from servers with a limit of a hundred or more (RFC 5321, section 4.5.3.1.10). By
            default all are accepted.
        pipelining: Whether the server advertises PIPELINING (RFC 2920); by default false.
        most_connections: Number of connections accepted at once; further connections are greeted
            with ``421``. By default all are accepted.
        most_messages_at_once: Number of messages under way at once over several connections; while
            more are, a message gets ``432`` at its end. By default all are accepted.
    """

    host = "127.0.0.1"

    def __init__(
        self, port: int = 0, on_message: Callable[[ReceivedEmail], Any] | None = None
    ) -> None:
        self.port = port
        self.received: list[ReceivedEmail] = []
        self.connections = 0
        self.most_open_connections = 0
        self.messages_per_connection: int | None = None
        self.most_recipients: int | None = None
        self.pipelining = False
        self.most_connections: int | None = None
        self.most_messages_at_once: int | None = None
        self._limit: MessageLimit | None = None
        self._on_message = on_message
        self._answers: list[_Answer] = []
        self._open: set[Conversation] = set()
        self._lock = threading.Lock()
        self._controller: Controller | None = None

    def __enter__(self) -> Self:
        self._controller = Controller(self)
        self._controller.start()
        self.port = self._controller.port
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._controller is not None  # noqa: S101 # entered
        self._controller.loop.call_soon_threadsafe(self._hang_up)
        self._controller.stop()
        self._controller = None

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        return len(self._open)

    def answer(
        self,
        command: Command,
        reply: str | None = None,
        *,
        recipient: str | None = None,
        after: int = 0,
        times: int | None = None,
        delay: float = 0,
    ) -> None:
        """Prepare an answer, in place of accepting the mail.

        Args:
            command: ``"CONNECT"`` (the greeting), ``"AUTH"``, ``"MAIL"``, ``"RCPT"``, ``"DATA"``
                (the command), or ``"MESSAGE"`` (the end of the message itself).
            reply: Code and text, such as ``"451 4.3.0 Try later"``; after 421 the connection is
                closed. ``DROP`` closes the connection without a reply. By default the usual reply.
            recipient: Only for a mail to this address.
            after: Number of usual answers before.
            times: Number of uses, then the usual answer again; by default without end.
            delay: Seconds to wait before the answer.

        Raises:
            ValueError: When the command is none of the above.
        """
        if command not in COMMANDS:
            raise ValueError(f"{command!r} is none of {', '.join(COMMANDS)}.")
        self._answers.append(_Answer(command, reply, recipient, after, times, delay))

    def limit_messages(
        self,
        number: int,
        seconds: float,
        reply: str = "452 4.5.3 Too many messages; slow down",
        *,
        command: Literal["MAIL", "MESSAGE"] = "MAIL",
    ) -> None:
        """Accept a number of mails in a span of time, and refuse further mails.

        Args:
            number: The most mails in a span.
            seconds: The span's length, in seconds; a span begins with its first mail.
            reply: The answer to a further mail.
            command: Whether the sender of a further mail is refused, or the end of its message.
        """
        self._limit = MessageLimit(number, seconds)
        self._reply_of_limit = reply
        self._command_of_limit = command

    def _refusal(self, command: str) -> str | None:
        """Return the answer to a command of a further mail; ``None``: accept the mail."""
        if command == "MESSAGE" and self._has_too_many_messages():
            return "432 4.3.2 Concurrent connections limit exceeded"
        if self._limit is None or self._command_of_limit != command:
            return None
        return self._reply_of_limit if self._limit.seconds_to_wait() else None

    def _has_too_many_messages(self) -> bool:
        if self.most_messages_at_once is None:
            return False
        under_way = sum(each.has_message for each in list(self._open))
        return under_way > self.most_messages_at_once

    def _find_answer(self, command: str, recipients: list[str]) -> _Answer | None:
        return next(
            (answer for answer in self._answers if answer.applies(command, recipients)), None
        )

    def _opened(self, conversation: Conversation) -> int:
        with self._lock:
            self.connections += 1
            self._open.add(conversation)
            self.most_open_connections = max(self.most_open_connections, len(self._open))
            most = self.most_connections
            conversation.is_one_too_many = most is not None and len(self._open) > most
            return self.connections

    def _closed(self, conversation: Conversation) -> None:
        with self._lock:
            self._open.discard(conversation)

    def _hang_up(self) -> None:
        for conversation in list(self._open):
            conversation.hang_up()

    def _take(self, envelope: "Envelope", connection: int) -> None:
        raw = envelope.original_content or b""
        parser = BytesParser(_class=ReceivedEmail, policy=email.policy.default)
        message = parser.parsebytes(raw)
        assert isinstance(message, ReceivedEmail)  # noqa: S101 # the parser was told so
        message.envelope_from = envelope.mail_from or ""
        message.envelope_to = list(envelope.rcpt_tos)
        message.connection = connection
        message.raw = raw
        self.received.append(message)
        if self._on_message is not None:
            self._on_message(message)
