"""Delivers emails through the backend in Django's mail settings.

``process_notifications`` sends up to ``connections`` emails at once, as many as the server likes,
over connections that stay open for the next emails.
"""

import logging
import smtplib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

from django.core.mail import EmailMultiAlternatives

from ...delivery.handlers.concurrency import concurrency_within
from ...delivery.handlers.send_one import send_and_save
from ...delivery.outcomes.addresses import without_refusal
from ...models import Notification
from ...models.address import comparable
from ...models.reserved import is_queued_mail
from ...observing.log import log_fields
from ..base import Outcome, begin_sending, one_line, provider_call
from ..faults import Verdict
from ..parallel import side_by_side
from .appearance import preview
from .cannot_build_message import CannotBuildMessage
from .connection import SERVICE_CLOSING, MailConnection, Stage
from .connection_pool import ConnectionPool
from .content import validate
from .describe import (
    DIRECTIONS_IN_EXTRA,
    FILES_IN_EXTRA,
    check,
    comparable_address,
    destination,
    fault_of_address,
    redirected_extra,
)
from .doubts import Doubt, SenderDoubts
from .faults import BEFORE_MESSAGE, classify
from .message import build_message
from .outcomes import NOT_SENT, outcome
from .secrets import hide
from .sender_address import sender
from .settings import EmailSettings as Settings
from .settings import email_settings
from .stored_attachments import StoredAttachments
from .trouble import trouble_of_error, trouble_of_recipient
from .unpack import unpack
from .unsubscribing import Footers, list_headers

__all__ = [
    "DIRECTIONS_IN_EXTRA",
    "FILES_IN_EXTRA",
    "Settings",
    "check",
    "comparable_address",
    "deliver",
    "destination",
    "fault_of_address",
    "list_headers",
    "preview",
    "redirected_extra",
    "send_notification",
    "sent_message_id",
    "validate",
    "write_letter",
]

logger = logging.getLogger("django_notification_system")

TAKES_ATTACHMENTS = True
SENT = "Email Successfully Sent"
#: django-anymail's words for a refused recipient of a message whose other recipients were taken.
NOT_TAKEN = frozenset({"invalid", "rejected", "failed"})
#: How many emails all connections get together, where the server is as near and fast as a relay on
#: the same host.
MOST_TOGETHER = 32
#: Longer texts of another package's backend may quote the message.
LONGEST_REASON = 200


@dataclass(frozen=True)
class Letter:
    """A notification and its mail.

    Attributes:
        notification: The notification.
        message: The mail, in the form of Django's mail backends.
    """

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
    concurrency = concurrency_within(settings.connections, time.monotonic())
    with ConnectionPool(settings.timeout, concurrency, pipelining=settings.pipelining) as pool:
        doubts = SenderDoubts()

        def send(letter: Letter | Outcome) -> list[Outcome]:
            if isinstance(letter, Outcome):
                return [letter]
            return doubts.cleared(_send(pool, letter))

        stored = StoredAttachments()
        footers = Footers()
        letters = (write_letter(each, from_email, stored, footers) for each in notifications)
        if pool.is_local or settings.connections == 1:
            sent: Iterable[Outcome] = chain.from_iterable(map(send, letters))
        else:
            sent = side_by_side(send, letters, workers=concurrency, most_together=MOST_TOGETHER)
        yield from map(_leaving_queued_records, doubts.watch(sent))


def send_notification(notification: Notification) -> str:
    """Send one email and save the outcome.

    Args:
        notification: The notification, of any status and time.

    Returns:
        ``"Email Successfully Sent"``, or the failure.

    Raises:
        TargetUnavailable: See ``deliver()``; nothing is saved.
    """
    return send_and_save(deliver, notification)


def write_letter(
    notification: Notification,
    from_email: str,
    stored: StoredAttachments | None = None,
    footers: Footers | None = None,
) -> Letter | Outcome:
    """Build a mail, here in the calling thread, because a template may use the database.

    Args:
        notification: The notification, with record and user loaded.
        from_email: The sender.
        stored: Reads attachments that the database keeps; shared by many mails.
        footers: The footers with links to unsubscribe; shared by many mails.

    Returns:
        The mail, or the outcome of a notification that makes no mail.
    """
    try:
        if is_queued_mail(notification):
            return Letter(notification, unpack(notification, stored or StoredAttachments()))
        return Letter(notification, build_message(notification, from_email, stored, footers))
    except CannotBuildMessage as error:
        kind = Outcome.retry if error.temporary else Outcome.failed
        return kind(notification, f"{NOT_SENT}: {error}")
    except Exception as error:
        logger.exception(
            "No email could be built of notification %s.",
            notification.pk,
            extra=log_fields(notification=notification),
        )
        return Outcome.retry(notification, f"{NOT_SENT}: {one_line(error)}")


def _leaving_queued_records(outcome: Outcome) -> Outcome:
    """Leave the record of a queued mail alone: the next password reset is sent all the same."""
    return without_refusal(outcome) if is_queued_mail(outcome.notification) else outcome


def _send(pool: ConnectionPool, letter: Letter) -> Outcome | Doubt:
    sent: Outcome | Doubt | None = None
    while sent is None:
        with pool.borrow() as connection:
            sent = _send_over(connection, letter, pool)
    return sent


def _send_over(
    connection: MailConnection, letter: Letter, pool: ConnectionPool
) -> Outcome | Doubt | None:
    """Send a mail over a connection; return ``None`` where another one shall send the mail."""
    began_at = time.monotonic()
    try:
        with provider_call("email", (letter.notification,), connection.server):
            sent = connection.send(
                letter.message, begins=partial(begin_sending, letter.notification)
            )
    except Exception as error:
        if not _leaves_connection_usable(error, connection.stage):
            connection.close()
        trouble = trouble_of_error(error, connection.stage, connection.recipient)
        fault = classify(trouble)
        if connection.stage in BEFORE_MESSAGE and fault.verdict is Verdict.UNREACHABLE:
            has_answered = isinstance(error, smtplib.SMTPResponseException)
            if pool.can_do_without(connection, has_answered=has_answered):
                return None
        if fault.wants_fewer_connections and pool.shrinks(connection, began_at=began_at):
            return None
        return _outcome_of_error(letter, error, connection)
    if not sent and connection.counts_what_it_sends:
        connection.close()
        return Outcome.retry(
            letter.notification,
            f"{NOT_SENT}: {connection.backend_name} sent nothing and did not say why. Look"
            " whether it hides its errors.",
        )
    return _outcome_of_success(letter, connection)


def _outcome_of_success(letter: Letter, connection: MailConnection) -> Outcome:
    """Return the outcome of a message that the server took: perhaps not for all recipients."""
    notification = letter.notification
    recipient = connection.recipient
    # Of a queued mail no recipient is the first: the mail is sent, and must not be sent again.
    if (answer := connection.refused.get(recipient)) and not is_queued_mail(notification):
        said = hide(_recipients_refused({recipient: answer}), connection.secrets, letter.message)
        trouble = trouble_of_recipient(recipient, answer)
        judged = outcome(notification, trouble, f"{said} (Those in copy received it.)")
        # the mail was sent to people in copy, and must not be sent again at once
        return replace(judged, is_busy=False)
    status = str(getattr(_said_of_recipient(letter.message), "status", ""))
    if status in NOT_TAKEN and not is_queued_mail(notification):
        reason = f"the provider says of the address: {status}. (Those in copy received it.)"
        return Outcome.failed(notification, f"{NOT_SENT}: {reason}")
    response = SENT
    if connection.refused:
        said = hide(_recipients_refused(connection.refused), connection.secrets, letter.message)
        response += f", but not to {said}"
    message_id = sent_message_id(letter.message)
    return Outcome.delivered(notification, response, provider_message_id=message_id)


def _outcome_of_error(
    letter: Letter, error: Exception, connection: MailConnection
) -> Outcome | Doubt:
    """Return the outcome of a message that could not be sent."""
    # Another package's backend does not tell the form of the recipient sent to the server.
    recipient = (
        letter.message.recipients()[0] if connection.stage is Stage.OPAQUE else connection.recipient
    )
    trouble = trouble_of_error(error, connection.stage, recipient)
    message_id = sent_message_id(letter.message)
    judged = outcome(
        letter.notification, trouble, _reason(error, connection, letter.message), message_id
    )
    is_doubtful = classify(trouble).verdict is Verdict.SENDER_DOUBTED
    # A queued mail has a sender of its own.
    return Doubt(judged) if is_doubtful and not is_queued_mail(letter.notification) else judged


def _said_of_recipient(message: EmailMultiAlternatives) -> Any:
    """Return the status of the record's address by django-anymail, or ``None``."""
    status = getattr(message, "anymail_status", None)
    recipients = getattr(status, "recipients", None)
    if not recipients:
        return None
    address = comparable(message.recipients()[0])
    return next((said for each, said in recipients.items() if comparable(each) == address), None)


def sent_message_id(message: EmailMultiAlternatives) -> str:
    """Return the name of a sent message: the provider's name, or the Message-ID."""
    of_provider = getattr(_said_of_recipient(message), "message_id", None)
    if of_provider is not None:
        return str(of_provider)
    headers = message.extra_headers.items()
    return next(str(value) for name, value in headers if name.lower() == "message-id")


def _codes(error: smtplib.SMTPRecipientsRefused | smtplib.SMTPSenderRefused) -> list[int]:
    """Return the server's reply codes in a refusal."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return [code for code, _ in error.recipients.values()]
    return [error.smtp_code]


def _leaves_connection_usable(error: Exception, stage: Stage) -> bool:
    """Return whether the next message can go over the same connection."""
    if isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPSenderRefused):
        # smtplib has reset the conversation, unless the server closes it or speaks nonsense.
        return not any(code == SERVICE_CLOSING or code < 400 for code in _codes(error))
    # The server was told nothing where Django itself refuses an address or a header.
    return stage is Stage.START and not isinstance(error, OSError | smtplib.SMTPException)


def _reason(error: Exception, connection: MailConnection, message: EmailMultiAlternatives) -> str:
    """Return an error for people: the server's own words where the server has answered."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        reason = _recipients_refused(error.recipients)
    elif isinstance(error, smtplib.SMTPResponseException):
        reason = _answer(error.smtp_code, error.smtp_error)
    else:
        reason = one_line(error)
    reason = hide(reason, connection.secrets, message)
    return reason[:LONGEST_REASON] if connection.stage is Stage.OPAQUE else reason


def _recipients_refused(recipients: dict[str, tuple[int, bytes]]) -> str:
    return ", ".join(
        f"{recipient}: {_answer(code, said)}" for recipient, (code, said) in recipients.items()
    )


def _answer(code: int, said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return " ".join(f"{code} {text}".split())
