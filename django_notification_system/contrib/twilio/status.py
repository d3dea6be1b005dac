"""Twilio's reports on text messages: a view that receives the status callbacks.

Source: https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from ...database import REQUEST_PATIENCE_SECONDS, waiting_at_most
from ...delivery.receipts.record import record_receipts
from ...notification_handlers.faults import Verdict, about_address
from ...notification_handlers.twilio.callback import (
    PARAMETER,
    address_of_attempt,
    message_id_of_attempt,
)
from ...notification_handlers.twilio.faults import fault_of_code
from ...outcome import Receipt, ReceiptResult
from .signature import is_signed

MODULE_NAME = "twilio"

#: Twilio's words for states, from first to last: an earlier state that comes late changes nothing.
#: Source: https://www.twilio.com/docs/messaging/api/message-resource#message-status-values
ORDER = ("accepted", "scheduled", "queued", "sending", "sent", "delivered", "read")
RESULTS: Mapping[str, ReceiptResult] = {
    **dict.fromkeys(ORDER, ReceiptResult.PROGRESS),
    "delivered": ReceiptResult.CONFIRMED,
    "read": ReceiptResult.CONFIRMED,
    "undelivered": ReceiptResult.FAILED,
    "failed": ReceiptResult.FAILED,
    "canceled": ReceiptResult.FAILED,
}
#: A report may come before the run has recorded the message's outcome, a tenth of a second later or
#: more. Twilio does not repeat a report by itself. Seconds between rechecks; a second in all.
WAITS = (0.1, 0.2, 0.3, 0.4)

TEXT = "text/plain; charset=utf-8"


@login_not_required  # Twilio's credential is the signature
@csrf_exempt
@require_POST
@transaction.non_atomic_requests  # in a transaction, every recheck could see the same rows
def status_callback(request: HttpRequest) -> HttpResponse:
    """Receive a status callback.

    Answers with 204 where the report belongs to a notification, and with 404 where no notification
    has the message, or a run is sending the notification again. Answers with 403, before any other
    step, where the signature is not Twilio's or cannot be verified.
    """
    if not is_signed(request, _addresses_with_attempt):
        return HttpResponse("The signature is missing or wrong.", status=403, content_type=TEXT)
    receipt = receipt_of(request.POST)
    if receipt is None:
        return HttpResponse(
            "MessageSid and MessageStatus are missing.", status=400, content_type=TEXT
        )
    receipts = [receipt]
    if attempt := request.GET.get(PARAMETER):
        # The request had no answer: the notification holds the attempt's id as its message id.
        message_id = message_id_of_attempt(attempt)
        receipts.append(replace(receipt, provider_message_id=message_id))
    if receipt.provider_status not in RESULTS or _are_recorded(receipts):
        return HttpResponse(status=204)
    return HttpResponse("No notification has this message.", status=404, content_type=TEXT)


def receipt_of(form: QueryDict) -> Receipt | None:
    """Return the receipt in a status callback; ``None`` without a message's id or a status.

    Args:
        form: The callback's parameters.
    """
    message_id = form.get("MessageSid") or form.get("SmsSid")
    status = form.get("MessageStatus") or form.get("SmsStatus")
    if not message_id or not status:
        return None
    result = RESULTS.get(status, ReceiptResult.PROGRESS)
    code = _code(form.get("ErrorCode", ""))
    fault = fault_of_code(code) if result is ReceiptResult.FAILED else None
    of_code = f", code {code}" if code else ""
    what = f": {fault.what.replace('``', '')}" if fault is not None else "."
    verdict = fault.verdict if fault is not None else Verdict.FAILED
    # Without an address: Twilio may write a record's number in another way.
    return Receipt(
        provider_message_id=message_id,
        provider_status=status,
        result=result,
        response=f"Twilio reports: {status}{of_code}{what}",
        **about_address(verdict),
    )


def _addresses_with_attempt(request: HttpRequest, callback_url: str) -> list[str]:
    """Return the address that Twilio was told with a message, if the settings name one."""
    if not callback_url:
        return []
    # The part behind "#" tells Twilio the number of tries, and is not sent.
    address, _, _ = callback_url.partition("#")
    # An attempt counts only if the signature covers the attempt.
    attempt = request.GET.get(PARAMETER)
    return [address_of_attempt(address, attempt) if attempt else address]


def _are_recorded(receipts: Sequence[Receipt]) -> bool:
    for wait in (0, *WAITS):
        time.sleep(wait)
        with waiting_at_most(REQUEST_PATIENCE_SECONDS):
            if record_receipts(MODULE_NAME, receipts, order=ORDER):
                return True
    return False


def _code(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0
