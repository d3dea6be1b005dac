"""Outcomes of text messages that could not be sent, by the table of Twilio's faults."""

from django.utils.translation import gettext as _

from ...exceptions import TargetUnavailable
from ...models import Notification
from ..base import Outcome, with_next_step
from ..faults import NOBODY_KNOWS, Verdict, outcome_of
from ..http.session import CORRECT_CERTIFICATES, CORRECT_SETTINGS
from .faults import BAD_SENDER, CALLBACK_URL, NOT_TRUSTED, Fault, Trouble


def outcome(
    notification: Notification, trouble: Trouble, fault: Fault, response: str, message_id: str = ""
) -> Outcome:
    """Return the outcome of a message that could not be sent.

    Args:
        notification: The attempted notification.
        trouble: The trouble.
        fault: The trouble's row in the table.
        response: The trouble for people.
        message_id: The name by which Twilio may still report on the message, or an empty text.

    Raises:
        TargetUnavailable: When Twilio refuses the project, and not the message.
    """
    if fault.verdict is Verdict.STOPS:
        raise TargetUnavailable(with_next_step(response, what_to_do(fault)))
    return outcome_of(
        notification,
        fault.verdict,
        response,
        nobody_knows=f"{response} {NOBODY_KNOWS}",
        retry_after=trouble.headers.get("Retry-After"),
        message_id=message_id,
        if_all_alike=fault.if_all_alike,
    )


def what_to_do(fault: Fault) -> str:
    """Return the next step where a fault stops the target.

    Args:
        fault: The fault.
    """
    if fault.hint:
        return _(fault.hint)
    if NOT_TRUSTED in fault.answers:
        return _(CORRECT_CERTIFICATES)
    if fault.has_code(BAD_SENDER):
        return _("Correct sender in the target's settings: a number such as +15005550006.")
    if fault.of_setting == CALLBACK_URL:
        return _("Correct callback_url in the target's settings.")
    return _(CORRECT_SETTINGS)
