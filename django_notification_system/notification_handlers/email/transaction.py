"""What one mail asks of a mail server beyond what smtplib does by itself."""

import smtplib
from collections.abc import Callable, Sequence

#: To each recipient that a server refuses, its reply code and its words.
Refused = dict[str, tuple[int, bytes]]
SendMail = Callable[..., Refused]

EIGHT_BITS = "BODY=8BITMIME"
TOO_MANY_NOW = 452
TOO_MANY = 552
#: RFC 3463, section 3.6: too many recipients.
TOO_MANY_STATUS = b"5.5.3"


def is_seven_bit(client: smtplib.SMTP) -> bool:
    """Tell whether a server takes no octets beyond ASCII (RFC 6152, section 3).

    Args:
        client: Connected; where it has not greeted the server, it does so now.

    Raises:
        smtplib.SMTPException: When the server does not take the greeting.
    """
    client.ehlo_or_helo_if_needed()
    return not client.has_extn("8bitmime")


def send_all(
    client: smtplib.SMTP,
    sendmail: SendMail,
    sender: str,
    recipients: Sequence[str],
    content: bytes | str,
    mail_options: Sequence[str] = (),
    rcpt_options: Sequence[str] = (),
) -> Refused:
    """Send a mail, and tell a server of octets beyond ASCII.

    A server may take a hundred recipients and answer 452 to all others, which go into another
    transaction then (RFC 5321, section 4.5.3.1.10). Once the first has been taken, the mail is
    sent: what goes wrong later leaves those others refused.

    Args:
        client: Connected.
        sendmail: ``client.sendmail``, as it was before others put something in its place.
        sender: See ``smtplib.SMTP.sendmail()``, also for what follows.
        recipients: Likewise.
        content: Likewise.
        mail_options: Likewise.
        rcpt_options: Likewise.

    Returns:
        Whom the server refused.

    Raises:
        smtplib.SMTPException: When it refused the mail, or all recipients.
    """
    if isinstance(content, bytes) and not content.isascii() and not is_seven_bit(client):
        mail_options = [*mail_options, EIGHT_BITS]
    refused = sendmail(sender, recipients, content, mail_options, rcpt_options)
    waiting = _too_many(refused)
    while waiting:
        try:
            answers = sendmail(sender, waiting, content, mail_options, rcpt_options)
        except smtplib.SMTPRecipientsRefused as error:
            return {**refused, **error.recipients}
        except (OSError, smtplib.SMTPException):
            break
        for recipient in waiting:
            del refused[recipient]
        refused.update(answers)
        waiting = _too_many(answers)
    return refused


def _too_many(refused: Refused) -> list[str]:
    """Return those that a server refused only because there were others before them."""
    return [
        recipient
        for recipient, (code, said) in refused.items()
        if code == TOO_MANY_NOW or (code == TOO_MANY and said.startswith(TOO_MANY_STATUS))
    ]
