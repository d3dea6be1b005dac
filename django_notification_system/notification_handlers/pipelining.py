"""An SMTP client that spares two of four round trips a message.

Where the server advertises PIPELINING (RFC 2920), the client sends the whole envelope in one write:
MAIL, every RCPT, DATA. The client then reads the replies in order and sends the message. Without
the server's extension, the client speaks as smtplib does.
"""

import re
import smtplib
from collections.abc import Iterator, Sequence
from typing import Any

#: RFC 2920, section 3.1: a group of commands must fit into the TCP window, often of 4 kilobytes, or
#: client and server could wait for one another to read.
OCTETS_PER_GROUP = 4096
COMMANDS_PER_GROUP = 100

OK = 250
#: RFC 5321, section 3.4: taken, and sent on to where the recipient is now.
WILL_FORWARD = 251
START_MAIL_INPUT = 354
#: RFC 5321, section 3.8: the server closes the connection.
SERVICE_CLOSING = 421
#: smtplib's code for a reply that smtplib cannot read.
UNREADABLE = -1

Reply = tuple[int, bytes]


class PipeliningSMTP(smtplib.SMTP):
    """A client that sends a whole envelope at once if the server advertises PIPELINING."""

    def sendmail(
        self,
        from_addr: str,
        to_addrs: str | Sequence[str],
        msg: Any,
        mail_options: Sequence[str] = (),
        rcpt_options: Sequence[str] = (),
    ) -> dict[str, Reply]:
        """Send a message, with the arguments, the answer and the exceptions of smtplib's method.

        Args:
            from_addr: The sender.
            to_addrs: A recipient, or several.
            msg: The message: bytes, sent unchanged except for doubled dots at the start of lines,
                or text in ASCII.
            mail_options: Options of MAIL, such as ``"BODY=8BITMIME"``.
            rcpt_options: Options of every RCPT, such as ``"NOTIFY=NEVER"``.

        Returns:
            The refused recipients, with the server's replies.

        Raises:
            SMTPSenderRefused: When the server refuses the sender.
            SMTPRecipientsRefused: When the server refuses every recipient, or closes the connection
                instead of a reply.
            SMTPDataError: When the server refuses the message.
            SMTPServerDisconnected: When the connection is lost before any of the above is known.
            SMTPNotSupportedError: When SMTPUTF8 is requested, and the server does not offer it.
            ValueError: When an address has a line break, or has characters beyond ASCII without
                SMTPUTF8. Nothing has been sent.
        """
        self.ehlo_or_helo_if_needed()
        if not self.has_extn("pipelining"):
            return super().sendmail(from_addr, to_addrs, msg, mail_options, rcpt_options)
        content = (
            re.sub(r"\r\n|\r|\n", "\r\n", msg).encode("ascii") if isinstance(msg, str) else msg
        )
        recipients = [to_addrs] if isinstance(to_addrs, str) else list(to_addrs)
        commands = self._envelope(
            from_addr, recipients, len(content), tuple(mail_options), rcpt_options
        )
        try:
            refused = self._send_envelope(commands, from_addr, recipients)
            self._send_content(content)
        except smtplib.SMTPException:
            raise
        except BaseException:
            # The next message must not read the replies to this message's commands.
            self.close()
            raise
        return refused

    def _envelope(
        self,
        sender: str,
        recipients: Sequence[str],
        size: int,
        mail_options: tuple[str, ...],
        rcpt_options: Sequence[str],
    ) -> list[str]:
        international = any(option.lower() == "smtputf8" for option in mail_options)
        if international and not self.has_extn("smtputf8"):
            raise smtplib.SMTPNotSupportedError("SMTPUTF8 not supported by server")
        self.command_encoding = "utf-8" if international else "ascii"
        if self.has_extn("size"):
            mail_options = (f"size={size}", *mail_options)
        return [
            self._line(f"mail FROM:{smtplib.quoteaddr(sender)}", mail_options),
            *(
                self._line(f"rcpt TO:{smtplib.quoteaddr(each)}", rcpt_options)
                for each in recipients
            ),
            self._line("data"),
        ]

    def _line(self, command: str, options: Sequence[str] = ()) -> str:
        line = " ".join([command, *options])
        if "\r" in line or "\n" in line:
            raise ValueError(f"An SMTP command must not have a line break: {line!r}.")
        line.encode(self.command_encoding)
        return f"{line}\r\n"

    def _send_envelope(
        self, commands: Sequence[str], sender: str, recipients: Sequence[str]
    ) -> dict[str, Reply]:
        """Send the envelope and return the refused recipients."""
        replies, lost = self._converse(commands)
        if lost is not None and not replies:
            raise lost
        of_sender, of_recipients = replies[0], replies[1 : 1 + len(recipients)]
        if of_sender[0] != OK:
            self._abandon(commands, replies)
            raise smtplib.SMTPSenderRefused(*of_sender, sender)
        refused = {
            recipient: reply
            for recipient, reply in zip(recipients, of_recipients, strict=False)
            if not _accepts(reply)
        }
        if any(map(_ends_connection, refused.values())):
            raise smtplib.SMTPRecipientsRefused(refused)
        if len(of_recipients) == len(recipients) and not any(map(_accepts, of_recipients)):
            self._abandon(commands, replies)
            raise smtplib.SMTPRecipientsRefused(refused)
        if lost is not None:
            raise lost
        if replies[-1][0] != START_MAIL_INPUT:
            self._abandon(commands, replies)
            raise smtplib.SMTPDataError(*replies[-1])
        return refused

    def _converse(
        self, commands: Sequence[str]
    ) -> tuple[list[Reply], smtplib.SMTPException | None]:
        """Send commands in groups.

        Returns:
            The replies, in the order of the commands: fewer replies than commands where the sender
            was refused, or the connection ended. Then the error that ended the connection, unless
            the server closed it by a reply.
        """
        replies: list[Reply] = []
        try:
            for group in _groups(commands):
                self.send("".join(group))
                for _ in group:
                    replies.append(self.getreply())
                    if _ends_connection(replies[-1]):
                        self.close()
                        return replies, None
                if replies[0][0] != OK:
                    break
        except smtplib.SMTPException as error:
            return replies, error
        return replies, None

    def _abandon(self, commands: Sequence[str], replies: Sequence[Reply]) -> None:
        """Reset the connection, if still open, so that the next message can start."""
        if self.sock is None:
            return
        if len(replies) == len(commands) and replies[-1][0] == START_MAIL_INPUT:
            # RFC 2920, section 3.1: a server may await the message although it accepted no
            # recipient. A dot alone ends the message.
            if any(map(_accepts, replies[1:-1])):
                self.close()  # To a sender refused and recipients taken, a dot would be a mail.
                return
            try:
                self.send(".\r\n")
                self.getreply()
            except smtplib.SMTPException:
                return
        self._reset()

    def _send_content(self, content: bytes) -> None:
        stuffed = re.sub(rb"(?m)^\.", b"..", content)
        end = b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n"
        self.send(stuffed + end)
        reply = self.getreply()
        if reply[0] == OK:
            return
        if _ends_connection(reply):
            self.close()
        else:
            self._reset()
        raise smtplib.SMTPDataError(*reply)

    def _reset(self) -> None:
        try:
            self.rset()
        except smtplib.SMTPServerDisconnected:
            return  # The sender of the next message will meet the lost connection.


class PipeliningSMTPOverTLS(PipeliningSMTP, smtplib.SMTP_SSL):
    """The same client, over a connection encrypted from the start."""


def _accepts(reply: Reply) -> bool:
    return reply[0] in (OK, WILL_FORWARD)


def _ends_connection(reply: Reply) -> bool:
    """Tell whether the connection is useless: after nonsense, replies may miss their commands."""
    return reply[0] in (SERVICE_CLOSING, UNREADABLE)


def _groups(commands: Sequence[str]) -> Iterator[list[str]]:
    group: list[str] = []
    octets = 0
    for command in commands:
        size = len(command.encode())
        if group and (octets + size > OCTETS_PER_GROUP or len(group) == COMMANDS_PER_GROUP):
            yield group
            group, octets = [], 0
        group.append(command)
        octets += size
    yield group
