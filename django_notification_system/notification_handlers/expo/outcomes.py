"""Outcomes and receipts of Expo's faults."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from ...exceptions import TargetUnavailable
from ...models import Notification
from ..base import Outcome, Receipt, ReceiptResult
from ..faults import Verdict, about_address, outcome_of
from ..http.session import CORRECT_SETTINGS, NOBODY_KNOWS
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
    if fault.verdict is Verdict.STOPS:
        raise TargetUnavailable(f"{response} {_(fault.hint or CORRECT_SETTINGS)}")
    if fault.hint:
        response = f"{response} ({fault.hint})"
    return outcome_of(
        notification,
        fault.verdict,
        response,
        nobody_knows=f"{response} {NOBODY_KNOWS}",
        retry_after=(headers or {}).get("Retry-After"),
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
        address=address,
        **about_address(fault.verdict),
    )
