"""Outcomes and receipts of Expo's faults."""

import logging
from collections.abc import Mapping

from django.utils.translation import gettext as _

from ...exceptions import TargetUnavailable
from ...models import Notification
from ..base import Outcome, Receipt, ReceiptResult
from ..http.retry_after import not_before
from ..http.session import CORRECT_SETTINGS, NOBODY_KNOWS
from .faults import FAULTS, Fault, Trouble, Verdict

logger = logging.getLogger("django_notification_system")


def classify(trouble: Trouble) -> Fault:
    """Return the table's first row that describes a trouble."""
    fault = next(fault for fault in FAULTS if fault.fits(trouble))
    logger.debug("Expo: %s.", fault.name)
    return fault


def outcome(
    notification: Notification,
    fault: Fault,
    response: str,
    headers: Mapping[str, str] | None = None,
) -> Outcome:
    """Return the outcome of a message in a failed request, or with a failed ticket.

    Args:
        notification: The attempted notification.
        fault: The fault.
        response: The fault for people.
        headers: The answer's headers; ``Retry-After`` may name a time.

    Raises:
        TargetUnavailable: When Expo refuses the project, and not the message.
    """
    if fault.verdict is Verdict.STOPS:
        raise TargetUnavailable(f"{response} {_(fault.hint or CORRECT_SETTINGS)}")
    if fault.hint:
        response = f"{response} ({fault.hint})"
    wait_until = not_before((headers or {}).get("Retry-After"))
    match fault.verdict:
        case Verdict.BUSY:
            return Outcome.busy(notification, response, not_before=wait_until)
        case Verdict.OUT_OF_ORDER if wait_until is not None:
            return Outcome.busy(notification, response, not_before=wait_until)
        case Verdict.UNKNOWN:
            return Outcome.unknown(notification, f"{response} {NOBODY_KNOWS}", unreachable=True)
        case Verdict.SPLIT | Verdict.FAILED:
            return Outcome.failed(notification, response)
        case Verdict.DEVICE_GONE:
            return Outcome.failed(notification, response, deactivate_record=True)
        case Verdict.RETRY | Verdict.UNREACHABLE | Verdict.OUT_OF_ORDER | Verdict.SPLIT_RETRY:
            return Outcome.retry(
                notification,
                response,
                not_before=wait_until,
                unreachable=fault.verdict is Verdict.UNREACHABLE,
                out_of_order=fault.verdict is Verdict.OUT_OF_ORDER,
            )


def receipt(
    message_id: str, fault: Fault, error: str, response: str, *, address: str = ""
) -> Receipt:
    """Return the receipt of a message that Expo could not pass on to Apple or Google.

    Args:
        message_id: Expo's name for the message.
        fault: The fault.
        error: Expo's name for the fault.
        response: The fault for people.
        address: The push token in Expo's receipt, or an empty text.
    """
    return Receipt(
        message_id,
        error or "error",
        ReceiptResult.FAILED,
        f"{response} ({fault.hint})" if fault.hint else response,
        deactivate_record=fault.verdict is Verdict.DEVICE_GONE,
        address=address,
    )
