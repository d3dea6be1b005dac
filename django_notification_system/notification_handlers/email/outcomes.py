"""Outcomes of emails that could not be sent, by the table of faults."""

from datetime import timedelta

from django.utils.translation import gettext as _

from ...exceptions import TargetUnavailable
from ...models import Notification
from ...models.reserved import is_queued_mail
from ..base import Outcome, with_next_step
from ..faults import Verdict, log_fault, outcome_of
from .connection import Stage
from .faults import Fault
from .sender_address import correct_sender
from .settings import email_settings
from .trouble import Trouble

NOT_SENT = "Email could not be sent"
ANSWER_LOST = (
    "(The message was handed over and the answer did not come: it went out, or it did not.)"
)


def outcome(
    notification: Notification, trouble: Trouble, fault: Fault, reason: str, message_id: str = ""
) -> Outcome:
    """Return the outcome of a message that could not be sent.

    Args:
        notification: The attempted notification.
        trouble: The trouble.
        fault: The trouble's row in the table.
        reason: The trouble for people.
        message_id: The message's own name, by which a provider may still report on the message.

    Raises:
        TargetUnavailable: When the server refuses the project, and not the message.
    """
    response = f"{NOT_SENT}: {reason}"
    log_fault(fault, "Email", notification)
    # A queued mail has a sender of its own: the next mail's may be right.
    is_own_sender = fault.is_of_sender and is_queued_mail(notification)
    verdict = Verdict.FAILED if is_own_sender else fault.verdict
    if verdict is Verdict.STOPS:
        said = with_next_step(response, _advice(fault, trouble))
        raise TargetUnavailable(said) from trouble.error
    return outcome_of(
        notification,
        verdict,
        response,
        nobody_knows=f"{reason} {ANSWER_LOST}",
        retry_after=trouble.api.retry_after,
        within=_transient_interval(trouble),
        message_id=message_id,
        if_all_alike=fault.if_all_alike,
    )


def _transient_interval(trouble: Trouble) -> timedelta | None:
    """Return the time to the next attempt after a refusal for now, such as greylisting's.

    Source: RFC 5321, section 4.5.4.1, advises thirty minutes.
    """
    minutes = email_settings().transient_interval
    is_transient = trouble.code is not None and 400 <= trouble.code < 500
    return timedelta(minutes=minutes) if is_transient and minutes is not None else None


def _advice(fault: Fault, trouble: Trouble) -> str:
    if fault.is_of_sender:
        return correct_sender()
    if trouble.stage is Stage.OPAQUE or trouble.api.code:
        return _("Correct the provider's key in the settings of its mail backend.")
    return _("Correct the user, the password or TLS in Django's mail settings.")
