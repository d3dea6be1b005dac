"""Twilio's later reports on text messages: a view that receives the status callbacks.

A project adds ``path("twilio/", include("django_notification_system.contrib.twilio"))`` to its
URLs, and names the public address of ``twilio/status/`` as ``callback_url`` in the settings.

Source: https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

try:
    from twilio import request_validator
except ImportError as error:
    raise ImportError(
        f"Twilio's client cannot be imported ({error}):"
        " pip install django-notification-system[twilio]"
    ) from error

from ..delivery.receipts.record import record_receipts
from ..exceptions import TargetUnavailable
from ..notification_handlers.faults import Verdict, about_address
from ..notification_handlers.twilio.callback import (
    PARAMETER,
    address_of_attempt,
    message_id_of_attempt,
)
from ..notification_handlers.twilio.faults import fault_of_code
from ..notification_handlers.twilio.settings import TwilioSettings, twilio_settings
from ..outcome import Receipt, ReceiptResult

logger = logging.getLogger("django_notification_system")

MODULE_NAME = "twilio"
SIGNATURE = "X-Twilio-Signature"
#: The header with the signature's algorithm, where the algorithm is not SHA-1.
SIGNATURE_SETTINGS = "X-Twilio-Webhooks-Signature-Settings"

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


@csrf_exempt
@require_POST
@transaction.non_atomic_requests  # in a transaction, every recheck could see the same rows
def status_callback(request: HttpRequest) -> HttpResponse:
    """Receive a status callback.

    Answers with 204 where the report belongs to a notification, and with 404 where no notification
    has the message, or a run is sending the notification again. Answers with 403, before any other
    step, where the signature is not Twilio's or cannot be verified.
    """
    if not _is_signed(request):
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


app_name = "django_notification_system_twilio"
urlpatterns = [path("status/", status_callback, name="status_callback")]


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


def _is_signed(request: HttpRequest) -> bool:
    try:
        settings = twilio_settings()
    except TargetUnavailable as error:
        logger.error("%s", error)
        return False
    signature = request.headers.get(SIGNATURE)
    if not settings.auth_token:
        # Anybody could sign with an empty token.
        logger.error("Set auth_token in NOTIFICATION_SYSTEM_TARGETS['twilio_sms'].")
        return False
    if not signature:
        return False
    validator = request_validator.RequestValidator(settings.auth_token)
    try:
        algorithm = _algorithm(request)
        return any(
            validator.validate(address, request.POST, signature, *algorithm)
            for address in _addresses(request, settings)
        )
    except Exception as error:
        # Anybody can send a host, form or encoding that Django or the client cannot read.
        logger.info("A status callback cannot be read: %s.", type(error).__name__)
        return False


def _algorithm(request: HttpRequest) -> tuple[str, ...]:
    # Releases of the client before 9.13 know SHA-1 alone.
    find = getattr(request_validator, "get_signature_algorithm", None)
    return () if find is None else (find(request.headers.get(SIGNATURE_SETTINGS)),)


def _addresses(request: HttpRequest, settings: TwilioSettings) -> Iterator[str]:
    """Yield the addresses that Twilio may have called with this request."""
    if settings.callback_url:
        # The part behind "#" tells Twilio the number of tries, and is not sent.
        address, _, _ = settings.callback_url.partition("#")
        # An attempt counts only if the signature covers the attempt.
        attempt = request.GET.get(PARAMETER)
        yield address_of_attempt(address, attempt) if attempt else address
    yield request.build_absolute_uri()


def _are_recorded(receipts: Sequence[Receipt]) -> bool:
    for wait in (0, *WAITS):
        time.sleep(wait)
        if record_receipts(MODULE_NAME, receipts, order=ORDER):
            return True
    return False


def _code(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0
