"""Mail servers that want less than others: stand-ins that refuse as well-known providers do."""

from collections.abc import Callable
from typing import Any

from .smtp import ReceivedEmail, SmtpStandIn

#: Source: https://learn.microsoft.com/en-us/exchange/troubleshoot/send-emails/smtp-submission-improvements
MESSAGES_AT_ONCE_OF_MICROSOFT = 3
MESSAGES_IN_A_MINUTE_OF_MICROSOFT = 30
#: Exchange's answer beyond the MessageRateLimit of a connector.
SUBMISSION_RATE = (
    "421 4.4.2 Message submission rate for this client has exceeded the configured limit"
)
#: Source: https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html
SENDING_RATE = "454 Throttling failure: Maximum sending rate exceeded"


def microsoft_365(
    port: int = 0,
    on_message: Callable[[ReceivedEmail], Any] | None = None,
    *,
    minute: float = 60,
) -> SmtpStandIn:
    """Return a mail server that refuses as Microsoft 365 does for an authenticated mailbox.

    Three messages may be under way at once: while more are, a message gets ``432 4.3.2`` at its
    end. Thirty messages may go out in a minute: the sender of a further message gets ``421 4.4.2``.

    Args:
        port: The port; by default any free port.
        on_message: Called with each accepted mail, in the server's thread.
        minute: The length of a minute in seconds; shorter in a test.
    """
    server = SmtpStandIn(port, on_message)
    server.most_messages_at_once = MESSAGES_AT_ONCE_OF_MICROSOFT
    server.limit_messages(MESSAGES_IN_A_MINUTE_OF_MICROSOFT, minute, SUBMISSION_RATE)
    return server


def amazon_ses(
    port: int = 0,
    on_message: Callable[[ReceivedEmail], Any] | None = None,
    *,
    rate: int = 14,
) -> SmtpStandIn:
    """Return a mail server that refuses as Amazon SES does beyond an account's sending rate.

    The end of a further message gets ``454 Throttling failure``.

    Args:
        port: The port; by default any free port.
        on_message: Called with each accepted mail, in the server's thread.
        rate: How many messages the account may send in a second.
    """
    server = SmtpStandIn(port, on_message)
    server.pipelining = True
    server.limit_messages(rate, 1, SENDING_RATE, command="MESSAGE")
    return server
