"""Outcomes of text messages that could not be sent, by the table of Twilio's faults."""

import logging

from django.utils.translation import gettext as _

from ...exceptions import TargetUnavailable
from ...models import Notification
from ...observing.log import log_fields
from ..base import Outcome
from ..faults import Verdict, outcome_of
from ..http.session import CORRECT_CERTIFICATES, CORRECT_SETTINGS, NOBODY_KNOWS
from .faults import NOT_TRUSTED, Fault, Trouble, classify

logger = logging.getLogger("django_notification_system")


def outcome(
    notification: Notification, trouble: Trouble, response: str, message_id: str = ""
) -> Outcome:
    """Return the outcome of a message that could not be sent.

    Args:
        notification: The attempted notification.
        trouble: The trouble.
        response: The trouble for people.
        message_id: The name by which Twilio may still report on the message, or an empty text.

    Raises:
        TargetUnavailable: When Twilio refuses the project, and not the message.
    """
    fault = classify(trouble)
    logger.debug(
        "Text message of notification %s: %s.",
        notification.pk,
        fault.name,
        extra=log_fields(notification=notification, fault=fault.name),
    )
    if fault.verdict is Verdict.STOPS:
        raise TargetUnavailable(f"{response} {_what_to_do(fault)}")
    return outcome_of(
        notification,
        fault.verdict,
        response,
        nobody_knows=f"{response} {NOBODY_KNOWS}",
        retry_after=trouble.headers.get("Retry-After"),
        message_id=message_id,
    )


def _what_to_do(fault: Fault) -> str:
    if NOT_TRUSTED in fault.answers:
        return _(CORRECT_CERTIFICATES)
    if fault.of_settings:
        return _("Correct callback_url in the target's settings.")
    return _(CORRECT_SETTINGS)
