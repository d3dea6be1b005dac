"""A mail's transactions with a server, where smtplib does too little."""

import smtplib
from collections.abc import Callable, Sequence

#: By refused recipient: the reply code and the server's words.
Refused = dict[str, tuple[int, bytes]]
SendMail = Callable[..., Refused]

EIGHT_BITS = "BODY=8BITMIME"
TOO_MANY_NOW = 452
TOO_MANY = 552
#: RFC 3463, section 3.6: too many recipients.
TOO_MANY_STATUS = b"5.5.3"


def is_seven_bit(client: smtplib.SMTP) -> bool:
    """Return whether a server takes no octets beyond ASCII (RFC 6152, section 3).

    Args:
        client: A connected client; the server is greeted now, if not yet.

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
    """Send a mail to all recipients, and announce octets beyond ASCII to the server.

    A server may take a hundred recipients and answer 452 to the others; those go into another
    transaction (RFC 5321, section 4.5.3.1.10). Once the first transaction is through, the mail is
    sent: a later failure leaves the other recipients refused.

    Args:
        client: A connected client.
        sendmail: ``client.sendmail``, as it was before it was wrapped.
        sender: As for ``smtplib.SMTP.sendmail()``, and so the other arguments.
        recipients: Likewise.
        content: Likewise.
        mail_options: Likewise.
        rcpt_options: Likewise.

    Returns:
        The refused recipients.

    Raises:
        smtplib.SMTPException: When the server refused the mail, or all recipients.
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
    """Return the recipients that a server refused only because too many came before."""
    return [
        recipient
        for recipient, (code, said) in refused.items()
        if code == TOO_MANY_NOW or (code == TOO_MANY and said.startswith(TOO_MANY_STATUS))
    ]
