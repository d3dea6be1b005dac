"""Send emails side by side, over connections that stay open, and tell their outcomes."""

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

from django.core.mail import EmailMultiAlternatives

from ...delivery.handlers.concurrency import concurrency_within
from ...delivery.handlers.on_its_way import Released
from ...delivery.handlers.send_one import send_and_save
from ...delivery.outcomes.addresses import without_refusal
from ...models import Notification
from ...models.address import comparable
from ...models.reserved import is_queued_mail
from ...observing.log import log_fields
from ..base import Outcome, begin_sending, one_line, provider_call
from ..doubts import Doubt, SenderDoubts
from ..faults import Verdict
from ..parallel import side_by_side
from .cannot_build_message import CannotBuildMessage
from .connection import MailConnection, Stage
from .connection_pool import ConnectionPool
from .faults import BEFORE_MESSAGE, Fault, classify
from .html_filters import require_filters
from .message import build_message
from .outcomes import NOT_SENT, outcome
from .secrets import hide
from .sender_address import correct_sender, sender
from .settings import email_settings
from .stored_attachments import StoredAttachments
from .trouble import Trouble, trouble_of_error, trouble_of_recipient, words_to
from .unpack import unpack
from .unsubscribing import Footers

logger = logging.getLogger("django_notification_system")

SENT = "Email Successfully Sent"
#: django-anymail's words for a refused recipient of a message whose other recipients were taken.
NOT_TAKEN = frozenset({"invalid", "rejected", "failed"})
#: After how many refusals that name the sender, and no delivery, the other mails are not tried.
MOST_DOUBTED = 10
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
            the project's credentials; or when an entry of ``html_filters`` names no function.
    """
    settings = email_settings()
    from_email = sender()
    require_filters()
    concurrency = concurrency_within(settings.connections, time.monotonic())
    with ConnectionPool(settings.timeout, concurrency, pipelining=settings.pipelining) as pool:
        doubts = SenderDoubts(most=MOST_DOUBTED)

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
    except Released:
        connection.close()  # perhaps in the middle of a mail
        raise
    except Exception as error:
        # Another package's backend does not tell the form of the recipient sent to the server.
        is_opaque = connection.stage is Stage.OPAQUE
        recipient = letter.message.recipients()[0] if is_opaque else connection.recipient
        trouble = trouble_of_error(error, connection.stage, recipient)
        fault = classify(trouble)
        if not trouble.leaves_connection_usable:
            connection.close()
        if (
            trouble.stage in BEFORE_MESSAGE
            and fault.verdict is Verdict.UNREACHABLE
            and pool.can_do_without(connection, has_answered=trouble.has_answer)
        ):
            return None
        if fault.wants_fewer_connections and pool.shrinks(connection, began_at=began_at):
            return None
        return _outcome_of_trouble(letter, trouble, fault, connection)
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
        trouble = trouble_of_recipient(recipient, answer)
        said = hide(trouble.words, connection.secrets, letter.message)
        reason = f"{said} (Those in copy received it.)"
        judged = outcome(notification, trouble, classify(trouble), reason)
        # the mail was sent to people in copy, and must not be sent again at once
        return replace(judged, is_busy=False)
    status = str(getattr(_said_of_recipient(letter.message), "status", ""))
    if status in NOT_TAKEN and not is_queued_mail(notification):
        reason = f"the provider says of the address: {status}. (Those in copy received it.)"
        return Outcome.failed(notification, f"{NOT_SENT}: {reason}")
    response = SENT
    if connection.refused:
        said = hide(words_to(connection.refused), connection.secrets, letter.message)
        response += f", but not to {said}"
    message_id = sent_message_id(letter.message)
    return Outcome.delivered(notification, response, provider_message_id=message_id)


def _outcome_of_trouble(
    letter: Letter, trouble: Trouble, fault: Fault, connection: MailConnection
) -> Outcome | Doubt:
    """Return the outcome of a message that could not be sent."""
    reason = hide(trouble.words, connection.secrets, letter.message)
    if trouble.stage is Stage.OPAQUE:
        reason = reason[:LONGEST_REASON]
    message_id = sent_message_id(letter.message)
    judged = outcome(letter.notification, trouble, fault, reason, message_id)
    # A queued mail has a sender of its own.
    if fault.verdict is not Verdict.SENDER_DOUBTED or is_queued_mail(letter.notification):
        return judged
    return Doubt(judged, f"{judged.response}. {correct_sender()}")


def _said_of_recipient(message: EmailMultiAlternatives) -> Any:
    """Return the status of the record's address by django-anymail, or ``None``."""
    status = getattr(message, "anymail_status", None)
    recipients = getattr(status, "recipients", None)
    if not recipients:
        return None
    address = comparable(message.recipients()[0])
    return next((said for each, said in recipients.items() if comparable(each) == address), None)


def sent_message_id(message: EmailMultiAlternatives) -> str:
    """Return the name of a sent message: the provider's name, or the Message-ID.

    Args:
        message: The sent message.
    """
    of_provider = getattr(_said_of_recipient(message), "message_id", None)
    if of_provider is not None:
        return str(of_provider)
    headers = message.extra_headers.items()
    return next(str(value) for name, value in headers if name.lower() == "message-id")
