"""Texts that people send to the project's number: STOP, START, and everything else.

Twilio answers STOP, START and HELP itself, and refuses messages to a number after STOP. This view
writes the person's word down, so that nothing is queued in vain and the admin says why.

Source: https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
"""

import logging
import unicodedata
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_not_required
from django.db import router, transaction
from django.db.models import QuerySet
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from ...database import DEADLOCK_ATTEMPTS, despite_deadlocks
from ...delivery.handlers.redirect import is_redirect_set
from ...exceptions import InvalidPreference
from ...models import Notification, Suppression, TargetUserRecord
from ...models.address import trimmed
from ...models.locking import begin_with_a_write
from ...notification_handlers.twilio.settings import KEY
from ...preferences import suppress, unsuppress
from ...preferences.addresses import records_with_address
from .signature import is_signed

logger = logging.getLogger("django_notification_system")

#: The whole text of a message, in any case, as wide or narrow letters.
#: Source: https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
STOP_WORDS = frozenset(
    ("stop", "stopall", "unsubscribe", "end", "quit", "revoke", "optout", "cancel")
)
START_WORDS = frozenset(("start", "yes", "unstop"))
HELP_WORDS = frozenset(("help", "info"))

#: Why a record is off, where START switches the record on again. ``opted out``: Twilio refused a
#: message because the number had answered STOP before.
ENDED_BY_START = ("STOP", "opted out")

#: A person has sent a text that is no keyword. The sender is the view ``incoming``; a receiver gets
#: ``address`` (the person's number), ``to``, ``body``, ``message_id`` and ``form``, all parameters
#: of Twilio's. An error in a receiver is logged by Django. Nothing is stored.
text_message_received = Signal()

ANSWER = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
XML = "text/xml; charset=utf-8"
TEXT = "text/plain; charset=utf-8"


@transaction.non_atomic_requests  # a deadlock can be repeated only outside a transaction
@login_not_required  # Twilio's credential is the signature
@csrf_exempt
@require_POST
def incoming(request: HttpRequest) -> HttpResponse:
    """Receive a text message.

    STOP suppresses the number and switches its records off. START switches on again what STOP has
    switched off. Other texts, but for HELP, are passed on with ``text_message_received``. Answers
    with 200 and no text of its own. Answers with 403, before any other step, where the signature is
    not Twilio's or cannot be verified, and with 400 where the number is missing.
    """
    if not is_signed(request, _public_addresses):
        return HttpResponse("The signature is missing or wrong.", status=403, content_type=TEXT)
    address, body = request.POST.get("From", ""), request.POST.get("Body", "")
    if not address:
        return HttpResponse("From is missing.", status=400, content_type=TEXT)
    word = _word_in(body, request.POST.get("OptOutType", ""))
    if not word:
        text_message_received.send_robust(
            incoming,
            address=address,
            to=request.POST.get("To", ""),
            body=body,
            message_id=request.POST.get("MessageSid", ""),
            form=request.POST.dict(),
        )
    elif word != "HELP" and not is_redirect_set():
        # With OVERRIDE_RECIPIENTS, the number belongs to a tester and not to the records.
        try:
            _heed(word, address)
        except InvalidPreference as error:
            return HttpResponse(f"From: {error}", status=400, content_type=TEXT)
    return HttpResponse(ANSWER, content_type=XML)


def _public_addresses(request: HttpRequest, callback_url: str) -> Iterator[str]:
    """Yield this view's address with the scheme and the host of ``callback_url``."""
    if callback_url:
        told = urlsplit(callback_url)
        yield f"{told.scheme}://{told.netloc}{request.get_full_path()}"


def _word_in(body: str, opt_out_type: str) -> str:
    """Return STOP, START or HELP; empty for any other text.

    With Twilio's Advanced Opt-Out, a project chooses keywords; Twilio names the kind.
    """
    kind = opt_out_type.strip().upper()
    if kind in ("STOP", "START", "HELP"):
        return kind
    text = unicodedata.normalize("NFKC", trimmed(body)).lower()
    if text in STOP_WORDS:
        return "STOP"
    if text in START_WORDS:
        return "START"
    return "HELP" if text in HELP_WORDS else ""


def _heed(word: str, address: str) -> None:
    """Repeat after a deadlock: Twilio tells of a text once."""
    using = router.db_for_write(TargetUserRecord)
    heed = _stop if word == "STOP" else _start
    despite_deadlocks(lambda: heed(address, using), attempts=DEADLOCK_ATTEMPTS, using=using)


def _stop(address: str, using: str) -> None:
    with transaction.atomic(using=using):
        suppress(KEY, address, reason=Suppression.Reason.STOP)
        number = (
            _records(address, using)
            .filter(active=True)
            .update(active=False, inactive_reason="STOP", modified_date=timezone.now())
        )
    logger.info("A text message said STOP. Records switched off: %d.", number)


def _start(address: str, using: str) -> None:
    with transaction.atomic(using=using):
        begin_with_a_write(Notification._base_manager.using(using))
        # Records first: the notifications to records that are off stay where they are.
        number = (
            _records(address, using)
            .filter(active=False, inactive_reason__in=ENDED_BY_START)
            .update(active=True, inactive_reason="", modified_date=timezone.now())
        )
        unsuppress(KEY, address, reason=Suppression.Reason.STOP)
    logger.info("A text message said START. Records switched on: %d.", number)


def _records(address: str, using: str) -> QuerySet[TargetUserRecord]:
    keys = records_with_address(KEY, address, using=using)
    return TargetUserRecord.objects.using(using).filter(pk__in=keys)
