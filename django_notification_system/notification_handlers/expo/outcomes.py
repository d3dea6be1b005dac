"""Outcomes and receipts of Expo's faults."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from ...models import Notification
from ..base import Outcome, Receipt, ReceiptResult
from ..faults import about_address, outcome_of_fault
from ..http.session import CORRECT_SETTINGS
from .faults import Fault


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
    return outcome_of_fault(notification, fault, response, headers, advice=CORRECT_SETTINGS)


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
        address=address,
        if_all_alike=_(fault.if_all_alike) if fault.if_all_alike else "",
        **about_address(fault.verdict),
    )
