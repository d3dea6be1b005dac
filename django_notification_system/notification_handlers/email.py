"""Delivers by email, through whatever Django's mail settings name.

Where ``process_notifications`` sends many, up to ``connections`` of them are on their way at once,
each over a connection that stays open for the next.
"""

import email.errors
import logging
import smtplib
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.core.mail import EmailMultiAlternatives
from django.db import connections as database_connections

from ..conf import email_settings
from ..delivery.single import send_and_save
from ..exceptions import TargetUnavailable
from ..models import Notification
from .base import Outcome, one_line
from .email_connection import SERVICE_CLOSING, ConnectionPool, MailConnection, Stage
from .email_message import CannotBuildMessage, build_message, sender
from .parallel import side_by_side

logger = logging.getLogger("django_notification_system")

SENT = "Email Successfully Sent"
NOT_SENT = "Email could not be sent"
NOBODY_KNOWS = (
    "(The message was handed over and the answer did not come: it went out, or it did not.)"
)
#: RFC 4954, section 6: the server wants other credentials, or wants some.
REFUSES_CREDENTIALS = frozenset({530, 534, 535, 538})
#: Longer texts of a third party's backend may quote what they were to send.
LONGEST_REASON = 200


@dataclass(frozen=True)
class _Letter:
    """A notification and the mail that it asks for."""

    notification: Notification
    message: EmailMultiAlternatives


def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
    """Send emails, several at once; see ``Handler.deliver()``.

    Raises:
        TargetUnavailable: When Django's mail settings make no connection, or the server refuses
            the project's credentials.
    """
    settings = email_settings()
    from_email = sender()
    with ConnectionPool(settings.timeout) as pool:

        def send(letter: _Letter | Outcome) -> Outcome:
            return letter if isinstance(letter, Outcome) else _send(pool, letter)

        def send_in_thread(letter: _Letter | Outcome) -> Iterator[Outcome]:
            try:
                yield send(letter)
            finally:
                # A backend that queues mail in the database has opened a connection to it in
                # this thread, which nothing else would close.
                database_connections.close_all()

        letters = (_letter(notification, from_email) for notification in notifications)
        if pool.is_local or settings.connections == 1:
            yield from map(send, letters)
        else:
            yield from side_by_side(send_in_thread, letters, workers=settings.connections)


def send_notification(notification: Notification) -> str:
    """Send one email and save what came of it.

    Args:
        notification: What to send, whatever its status and time.

    Returns:
        ``"Email Successfully Sent"``, or why it was not.

    Raises:
        TargetUnavailable: See ``deliver()``; nothing is saved.
    """
    return send_and_save(deliver, notification)


def _letter(notification: Notification, from_email: str) -> _Letter | Outcome:
    """Build a mail, here in the calling thread, because a template may use the database."""
    try:
        return _Letter(notification, build_message(notification, from_email))
    except CannotBuildMessage as error:
        outcome = Outcome.retry if error.temporary else Outcome.failed
        return outcome(notification, f"{NOT_SENT}: {error}")
    except Exception as error:
        logger.exception("No email could be built of notification %s.", notification.pk)
        return Outcome.retry(notification, f"{NOT_SENT}: {one_line(error)}")


def _send(pool: ConnectionPool, letter: _Letter) -> Outcome:
    with pool.borrow() as connection:
        try:
            sent = connection.send(letter.message)
        except Exception as error:
            if not _leaves_connection_usable(error, connection.stage):
                connection.close()
            return _outcome_of_error(letter.notification, error, connection)
        # None: a backend that does not count, and did not complain.
        if sent is not None and not sent:
            connection.close()
            return Outcome.retry(
                letter.notification,
                f"{NOT_SENT}: {connection.backend_name} sent nothing and did not say why. Look"
                " whether it is set to fail silently.",
            )
        return _outcome_of_success(letter, connection)


def _outcome_of_success(letter: _Letter, connection: MailConnection) -> Outcome:
    """Tell whom a message that was taken went to: a server may refuse some of its recipients."""
    notification = letter.notification
    answer = connection.refused.get(connection.recipient)
    if answer is not None:
        said = _recipients_refused({connection.recipient: answer})
        outcome = Outcome.failed if _is_permanent(answer[0]) else Outcome.retry
        return outcome(notification, f"{NOT_SENT}: {said} (Those in copy received it.)")
    response = SENT
    if connection.refused:
        response += f", but not to {_recipients_refused(connection.refused)}"
    message_id = next(
        value
        for name, value in letter.message.extra_headers.items()
        if name.lower() == "message-id"
    )
    return Outcome.delivered(notification, response, provider_message_id=message_id)


def _outcome_of_error(
    notification: Notification, error: Exception, connection: MailConnection
) -> Outcome:
    """Classify what kept a message from being sent."""
    stage = connection.stage
    reason = _reason(error, connection)
    response = f"{NOT_SENT}: {reason}"
    if _concerns_every_message(error, stage):
        raise TargetUnavailable(
            f"{response}. Correct the user, the password or TLS in Django's mail settings."
        ) from error
    if stage is Stage.CONNECTING or isinstance(error, smtplib.SMTPHeloError):
        return Outcome.retry(notification, response)
    codes = _codes(error)
    if codes and all(map(_is_permanent, codes)):
        return Outcome.failed(notification, response)
    if any(map(_is_temporary, codes)):
        return Outcome.retry(notification, response)
    if stage is Stage.HANDED_OVER or (stage is Stage.OPAQUE and _may_have_sent(error)):
        return Outcome.unknown(notification, f"{reason} {NOBODY_KNOWS}")
    if stage is not Stage.OPAQUE and isinstance(error, ValueError | email.errors.MessageError):
        # Django's own backends raise these for an address or a header that no mail can have.
        return Outcome.failed(notification, response)
    return Outcome.retry(notification, response)


def _codes(error: Exception) -> list[int]:
    """Return the answers in which the server refused a message."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return [code for code, _ in error.recipients.values()]
    if isinstance(error, smtplib.SMTPResponseException):
        return [error.smtp_code]
    return []


def _concerns_every_message(error: Exception, stage: Stage) -> bool:
    """Tell whether the server refuses the project, not the message."""
    codes = _codes(error)
    if codes and REFUSES_CREDENTIALS.issuperset(codes):
        return True
    # The server offers no TLS or no way to log in, or its certificate is not to be trusted.
    refusal = (
        smtplib.SMTPAuthenticationError
        | smtplib.SMTPNotSupportedError
        | ssl.SSLCertVerificationError
    )
    return stage is Stage.CONNECTING and isinstance(error, refusal)


def _may_have_sent(error: Exception) -> bool:
    lost = smtplib.SMTPServerDisconnected | TimeoutError | ConnectionError
    return isinstance(error, lost) and not isinstance(error, ConnectionRefusedError)


def _leaves_connection_usable(error: Exception, stage: Stage) -> bool:
    """Tell whether the next message can go over the same connection."""
    if isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPSenderRefused):
        # smtplib has reset the conversation, unless the server closes it or speaks nonsense.
        return not any(code == SERVICE_CLOSING or code < 400 for code in _codes(error))
    # Nothing was said to the server where Django finds an address or a header that cannot be.
    return stage is Stage.START and not isinstance(error, OSError | smtplib.SMTPException)


def _is_permanent(code: int) -> bool:
    """5yz: the client is discouraged from repeating (RFC 5321, section 4.2.1)."""
    return 500 <= code <= 599


def _is_temporary(code: int) -> bool:
    """4yz: the client is encouraged to try again (RFC 5321, section 4.2.1)."""
    return 400 <= code <= 499


def _reason(error: Exception, connection: MailConnection) -> str:
    """Return an error for people: the server's own words where it has answered."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        reason = _recipients_refused(error.recipients)
    elif isinstance(error, smtplib.SMTPResponseException):
        reason = _answer(error.smtp_code, error.smtp_error)
    else:
        reason = one_line(error)
    if connection.password:
        reason = reason.replace(connection.password, "***")
    return reason[:LONGEST_REASON] if connection.stage is Stage.OPAQUE else reason


def _recipients_refused(recipients: dict[str, tuple[int, bytes]]) -> str:
    return ", ".join(
        f"{recipient}: {_answer(code, said)}" for recipient, (code, said) in recipients.items()
    )


def _answer(code: int, said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return " ".join(f"{code} {text}".split())
