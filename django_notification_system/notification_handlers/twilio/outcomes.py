"""Outcomes of text messages that could not be sent, by the table of Twilio's faults."""

import logging

from django.utils.translation import gettext as _

from ...exceptions import TargetUnavailable
from ...models import Notification
from ...observing.log import log_fields
from ..base import Outcome
from ..http.retry_after import not_before
from ..http.session import CORRECT_CERTIFICATES, CORRECT_SETTINGS, NOBODY_KNOWS
from .faults import NOT_TRUSTED, Fault, Trouble, Verdict, classify

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
    verdict = fault.verdict
    if verdict is Verdict.STOPS:
        raise TargetUnavailable(f"{response} {_what_to_do(fault)}")
    if verdict is Verdict.UNKNOWN:
        return Outcome.unknown(
            notification,
            f"{response} {NOBODY_KNOWS}",
            unreachable=True,
            provider_message_id=message_id,
        )
    wait_until = not_before(trouble.headers.get("Retry-After"))
    if verdict is Verdict.BUSY or (verdict is Verdict.OUT_OF_ORDER and wait_until is not None):
        return Outcome.busy(notification, response, not_before=wait_until)
    if verdict in (Verdict.RETRY, Verdict.UNREACHABLE, Verdict.OUT_OF_ORDER):
        return Outcome.retry(
            notification,
            response,
            not_before=wait_until,
            unreachable=verdict is Verdict.UNREACHABLE,
            out_of_order=verdict is Verdict.OUT_OF_ORDER,
        )
    return Outcome.failed(
        notification,
        response,
        deactivate_record=verdict is Verdict.NO_GOOD,
        opt_out=verdict is Verdict.OPTED_OUT,
    )


def _what_to_do(fault: Fault) -> str:
    if NOT_TRUSTED in fault.answers:
        return _(CORRECT_CERTIFICATES)
    if fault.of_settings:
        return _("Correct callback_url in the target's settings.")
    return _(CORRECT_SETTINGS)
