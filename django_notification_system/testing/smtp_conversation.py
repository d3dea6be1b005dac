"""The conversations of the stand-in for a mail server: aiosmtpd's server, as the stand-in says."""

import asyncio
from typing import TYPE_CHECKING, AnyStr

try:
    from aiosmtpd.controller import Controller as AiosmtpdController
    from aiosmtpd.smtp import SMTP, Envelope, Session
except ImportError as error:
    raise ImportError(
        "The stand-in for a mail server needs aiosmtpd: pip install"
        " 'django-notification-system[testing]'"
    ) from error

if TYPE_CHECKING:
    from .smtp import SmtpStandIn

#: In place of a reply: the server closes the connection without a word.
DROP = "drop the connection"


class _Steps:
    """The steps of a mail, called by aiosmtpd."""

    async def handle_EHLO(  # noqa: N802 # aiosmtpd's name
        self,
        server: "Conversation",
        session: Session,
        envelope: Envelope,
        hostname: str,
        replies: list[str],
    ) -> list[str]:
        session.host_name = hostname
        if server.stand_in is not None and server.stand_in.pipelining:
            replies.insert(1, "250-PIPELINING")
        return replies

    async def handle_AUTH(  # noqa: N802
        self, server: "Conversation", session: Session, envelope: Envelope, arguments: list[str]
    ) -> str:
        if reply := await server.scripted("AUTH", []):
            return reply
        if len(arguments) == 1:
            await server.challenge_auth("")
        session.authenticated = True  # any user and password
        return "235 2.7.0 Authentication successful"

    async def handle_MAIL(  # noqa: N802
        self,
        server: "Conversation",
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if reply := await server.scripted("MAIL", []):
            return reply
        if server.stand_in is not None and (refusal := server.stand_in._refusal("MAIL")):
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self,
        server: "Conversation",
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if reply := await server.scripted("RCPT", [address]):
            return reply
        if (
            server.stand_in is not None
            and len(envelope.rcpt_tos) == server.stand_in.most_recipients
        ):
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802
        self, server: "Conversation", session: Session, envelope: Envelope
    ) -> str:
        if reply := await server.scripted("MESSAGE", envelope.rcpt_tos):
            return reply
        if server.stand_in is not None and (refusal := server.stand_in._refusal("MESSAGE")):
            return refusal
        server.take(envelope)
        return "250 2.0.0 OK"


class Conversation(SMTP):
    """The conversation on a connection.

    Args:
        stand_in: The stand-in; ``None`` for aiosmtpd's own first connection, which is not counted.
        loop: The server's loop.

    Attributes:
        is_one_too_many: Whether the stand-in takes fewer connections at once.
    """

    def __init__(self, stand_in: "SmtpStandIn | None", loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            _Steps(),
            hostname="localhost",
            enable_SMTPUTF8=True,
            auth_require_tls=False,
            auth_exclude_mechanism=["LOGIN"],
            loop=loop,
        )
        self.stand_in = stand_in
        self._number = 0
        self._taken = 0
        self._greeted = False
        self.is_one_too_many = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection; called by aiosmtpd."""
        if self.stand_in is not None:
            self._number = self.stand_in._opened(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the connection; called by aiosmtpd."""
        if self.stand_in is not None:
            self.stand_in._closed(self)
        super().connection_lost(error)

    async def push(self, status: AnyStr) -> None:
        """Send a reply; called by aiosmtpd."""
        reply = status if isinstance(status, str) else status.decode()
        if not self._greeted:
            self._greeted = True
            reply = await self.scripted("CONNECT", []) or self._too_many() or reply
        await super().push(reply)
        if reply.startswith("421"):
            self.hang_up()  # RFC 5321, section 3.8: having said so, the server closes

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        """Answer to DATA; called by aiosmtpd."""
        recipients = [] if self.envelope is None else self.envelope.rcpt_tos
        if reply := await self.scripted("DATA", recipients):
            await self.push(reply)
            return
        await super().smtp_DATA(arg)
        if self.stand_in is not None and self._taken == self.stand_in.messages_per_connection:
            self.hang_up()

    async def scripted(self, command: str, recipients: list[str]) -> str | None:
        """Return the prepared answer, or ``None`` for the usual answer.

        Args:
            command: The command of SMTP, such as ``RCPT``.
            recipients: The addresses named so far in the conversation.
        """
        if self.stand_in is None:
            return None
        answer = self.stand_in._find_answer(command, recipients)
        if answer is None:
            return None
        await asyncio.sleep(answer.delay)
        if answer.reply == DROP:
            self.hang_up()
            await asyncio.Event().wait()  # until the lost connection cancels the task
        return answer.reply

    @property
    def has_message(self) -> bool:
        """Whether a message is under way."""
        return self.envelope is not None and self.envelope.mail_from is not None

    def _too_many(self) -> str | None:
        return "421 4.7.0 Too many connections" if self.is_one_too_many else None

    def take(self, envelope: Envelope) -> None:
        """Give a whole mail to the stand-in.

        Args:
            envelope: The mail, with sender and recipients.
        """
        self._taken += 1
        if self.stand_in is not None:
            self.stand_in._take(envelope, self._number)

    def hang_up(self) -> None:
        """Close the connection without a word."""
        if self.transport is not None:
            self.transport.close()


class Controller(AiosmtpdController):
    """Runs a stand-in's server in a thread.

    Args:
        stand_in: The stand-in.
    """

    def __init__(self, stand_in: "SmtpStandIn") -> None:
        super().__init__(_Steps(), hostname=stand_in.host, port=stand_in.port)
        self._stand_in = stand_in
        self._tried = False

    def factory(self) -> Conversation:
        """Return the conversation of a new connection; called by aiosmtpd."""
        # aiosmtpd opens the first connection itself, to see whether the server answers.
        stand_in = self._stand_in if self._tried else None
        self._tried = True
        return Conversation(stand_in, self.loop)

    def _trigger_server(self) -> None:
        if isinstance(self.server, asyncio.Server):
            self.port = self.server.sockets[0].getsockname()[1]  # the port that was free
        super()._trigger_server()  # type: ignore[no-untyped-call]
