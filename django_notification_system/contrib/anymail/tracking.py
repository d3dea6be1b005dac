"""Turning the events of django-anymail's signal ``tracking`` into receipts."""

import logging
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import getaddresses
from typing import Any

from anymail.signals import EventType, RejectReason, tracking
from django.db import router
from django.utils import timezone

from ...database import REQUEST_PATIENCE_SECONDS, waiting_at_most
from ...delivery.handlers.redirect import is_redirect_set
from ...delivery.outcomes.apply import storable_message_id
from ...delivery.outcomes.moments import moment_within
from ...delivery.receipts.record import record_receipts
from ...exceptions import InvalidPreference
from ...models import Notification, Suppression
from ...models.address import comparable
from ...models.reserved import QUEUED_MAIL
from ...models.target import EMAIL_MODULE
from ...notification_handlers.email.connection import Stage
from ...notification_handlers.email.faults import classify
from ...notification_handlers.email.settings import KEY
from ...notification_handlers.email.trouble import Trouble
from ...notification_handlers.faults import Verdict
from ...outcome import Receipt, ReceiptResult
from ...preferences import suppress

logger = logging.getLogger("django_notification_system")

#: A third party's longer text may quote the mail.
LONGEST_RESPONSE = 200

#: Anymail's events, from first to last: an earlier event that comes late changes nothing.
ORDER = (
    EventType.QUEUED,
    EventType.SENT,
    EventType.DEFERRED,
    EventType.DELIVERED,
    EventType.AUTORESPONDED,
    EventType.OPENED,
    EventType.CLICKED,
    EventType.COMPLAINED,
    EventType.UNSUBSCRIBED,
)


@dataclass(frozen=True)
class Meaning:
    """The meaning of an event for a message and for the recipient's address."""

    result: ReceiptResult
    hard_bounce: bool = False
    deactivate_record: bool = False
    opt_out: bool = False


PROGRESS = Meaning(ReceiptResult.PROGRESS)
#: A person who opens a message or complains about it has received the message.
CONFIRMED = Meaning(ReceiptResult.CONFIRMED)
FAILED = Meaning(ReceiptResult.FAILED)
HARD_BOUNCE = Meaning(ReceiptResult.FAILED, hard_bounce=True)

#: Other events, such as a subscription, belong to no message and are ignored.
MEANINGS: Mapping[str, Meaning] = {
    EventType.QUEUED: PROGRESS,
    EventType.SENT: PROGRESS,
    EventType.DEFERRED: PROGRESS,
    EventType.AUTORESPONDED: PROGRESS,
    EventType.DELIVERED: CONFIRMED,
    EventType.OPENED: CONFIRMED,
    EventType.CLICKED: CONFIRMED,
    EventType.COMPLAINED: Meaning(ReceiptResult.CONFIRMED, deactivate_record=True),
    EventType.UNSUBSCRIBED: Meaning(ReceiptResult.CONFIRMED, opt_out=True),
    EventType.FAILED: FAILED,
    EventType.BOUNCED: FAILED,
    EventType.REJECTED: FAILED,
}
#: Events by which a person asks for no more mail, with the reason of the suppression.
SUPPRESSED: Mapping[str, Suppression.Reason] = {
    EventType.COMPLAINED: Suppression.Reason.COMPLAINT,
    EventType.UNSUBSCRIBED: Suppression.Reason.UNSUBSCRIBED,
}
#: A bounce or a rejection, by Anymail's reason. By any other reason, the address may be good.
MEANINGS_OF_REASONS: Mapping[str, Meaning] = {
    RejectReason.INVALID: HARD_BOUNCE,
    RejectReason.BOUNCED: HARD_BOUNCE,
    RejectReason.SPAM: Meaning(ReceiptResult.FAILED, deactivate_record=True),
    RejectReason.UNSUBSCRIBED: Meaning(ReceiptResult.FAILED, opt_out=True),
}

#: Events that come within a second of sending. A person takes longer to open a message.
MAY_BE_EARLY = frozenset(
    {EventType.DELIVERED, EventType.FAILED, EventType.BOUNCED, EventType.REJECTED}
)
#: Seconds between the tries to record an early event; a second in all.
WAITS = (0.1, 0.2, 0.3, 0.4)
#: An older event is not early. So a provider's request with many events of other senders' messages
#: waits for a few seconds in all.
EARLY_FOR = timedelta(seconds=5)

#: A mail server's answer in a provider's words: ``smtp;550 5.1.1 No such user``.
ANSWER = re.compile(r"(?<![\d.])([45]\d\d)[ -]+#?(.*)", re.DOTALL)
#: Rows of the fault table of email after which the address may be good or bad.
SAYS_NOTHING_OF_ADDRESS = frozenset({"refused", "transaction failed"})
#: Entries of providers' own events whose value marks a bounce as soft, with the soft values.
#: SparkPost's classes 20 to 24 are soft bounces.
SOFT_WORDS: Mapping[str, frozenset[str]] = {
    "type": frozenset({"softbounce", "softbounced", "soft", "transient"}),
    "event": frozenset({"softbounce", "softbounced"}),
    "bouncetype": frozenset({"softbounce", "soft", "transient", "undetermined"}),
    "severity": frozenset({"temporary"}),
    "hardbounce": frozenset({"false"}),
    "bounceclass": frozenset({"20", "21", "22", "23", "24"}),
}


def connect() -> None:
    """Listen to django-anymail's signal."""
    tracking.connect(record_event, dispatch_uid="django_notification_system.contrib.anymail")


def record_event(sender: Any, event: Any, esp_name: str, **kwargs: Any) -> None:
    """Record a provider's report on an email of this project.

    Errors are raised: Anymail's view then answers with an error, and the provider sends the event
    again. A report may come before the run has recorded the message's outcome, and is then tried
    again for a second. Not refused: the report may be about a mail that the project sent without
    this app, and providers give up on webhooks that answer with errors.

    Args:
        sender: Anymail's view.
        event: An ``AnymailTrackingEvent``.
        esp_name: The provider's name.
        kwargs: Further arguments of Django's signals.
    """
    meaning = meaning_of(event)
    if meaning is None or not event.message_id:
        return
    receipt = Receipt(
        provider_message_id=str(event.message_id),
        provider_status=event.event_type,
        result=meaning.result,
        response=_response(event, esp_name),
        at=event.timestamp,
        deactivate_record=meaning.deactivate_record,
        opt_out=meaning.opt_out,
        hard_bounce=meaning.hard_bounce,
        address=str(event.recipient or ""),
    )
    for _ in _tries(event):
        if _is_of_copy(event):
            _suppress(event)
            return  # known at once, and no news of the record's address
        with waiting_at_most(REQUEST_PATIENCE_SECONDS):
            is_recorded = bool(record_receipts(EMAIL_MODULE, [receipt], order=ORDER))
        if is_recorded:
            _suppress(event)
            return


def _tries(event: Any) -> Iterator[None]:
    """Wait before each further try for a report that may be earlier than the message's outcome."""
    yield
    for wait in WAITS if event.event_type in MAY_BE_EARLY else ():
        now = timezone.now()
        is_now = moment_within(event.timestamp, now - EARLY_FOR, now + EARLY_FOR) is not None
        if event.timestamp is not None and not is_now:
            return
        time.sleep(wait)
        yield


def _suppress(event: Any) -> None:
    """Suppress the address of somebody who said so to the provider, whoever has the address.

    Under a redirect, the address is the project's own.
    """
    reason = SUPPRESSED.get(event.event_type)
    if reason is None or not event.recipient or is_redirect_set():
        return
    try:
        suppress(KEY, str(event.recipient), reason=reason)
    except InvalidPreference:
        # Too long, for instance. An error would have the provider send the event for ever.
        logger.warning("A %s event names an address that nobody can have.", event.event_type)


def meaning_of(event: Any) -> Meaning | None:
    """Return the meaning of an event; ``None`` for an event without a message.

    Args:
        event: An ``AnymailTrackingEvent``.
    """
    meaning = MEANINGS.get(event.event_type)
    if event.event_type not in (EventType.BOUNCED, EventType.REJECTED):
        return meaning
    by_reason = MEANINGS_OF_REASONS.get(event.reject_reason)
    if by_reason is None or (event.reject_reason == RejectReason.BOUNCED and _is_soft(event)):
        return meaning
    return by_reason


def _is_soft(event: Any) -> bool:
    """Tell whether a bounce leaves the address good: Anymail has one event for soft and hard.

    The mail server's own answer counts more than the provider's classification.
    """
    if answer := ANSWER.search(_text(event.mta_response)):
        code, text = int(answer[1]), answer[2]
        trouble = Trouble(Exception(), Stage.ENVELOPE, code, text, of_recipient=True)
        fault = classify(trouble)
        if fault.name not in SAYS_NOTHING_OF_ADDRESS:
            return fault.verdict is not Verdict.HARD_BOUNCE
    return any(
        _word(value) in SOFT_WORDS.get(_word(name), ())
        for name, value in _entries(event.esp_event, depth=4)
    )


def _entries(esp_event: Any, *, depth: int) -> Iterator[tuple[str, Any]]:
    """Yield the names and values of a provider's event, including nested events."""
    if not isinstance(esp_event, Mapping):
        return
    for name, value in esp_event.items():
        if not isinstance(value, Mapping):
            yield str(name), value
        elif depth:
            yield from _entries(value, depth=depth - 1)


def _word(value: object) -> str:
    return re.sub(r"[^a-z0-9]", "", str(value).lower()[:50])


def _is_of_copy(event: Any) -> bool:
    """Tell whether the event is about a recipient in copy, whose mail may have the same id."""
    if not event.recipient:
        return False
    using = router.db_for_write(Notification)
    extras = (
        Notification.objects.using(using)
        .filter(
            provider_message_id__gt="",  # the partial index's condition
            provider_message_id=storable_message_id(event.message_id),
            target_user_record__target__notification_module_name=EMAIL_MODULE,
        )
        .values_list("extra", "target_user_record__target_user_id")
    )
    recipient = comparable(str(event.recipient))
    return any(
        recipient != comparable(address) and recipient in _in_copy(extra)
        for extra, address in extras
    )


def _in_copy(extra: Any) -> set[str]:
    if not isinstance(extra, Mapping):
        return set()
    queued = extra.get(QUEUED_MAIL)
    # Of a queued mail, everybody but the first stands beside the record's address.
    mail = queued if isinstance(queued, Mapping) else {**extra, "to": None}
    named = [mail.get(name) or [] for name in ("to", "cc", "bcc")]
    lists = [[each] if isinstance(each, str) else each for each in named]
    addresses = getaddresses([str(address) for each in lists for address in each])
    return {comparable(address) for _, address in addresses}


def _text(said: Any) -> str:
    """Return the value from a provider's event if the value is a text, else an empty text."""
    return said if isinstance(said, str) else ""


def _response(event: Any, esp_name: str) -> str:
    said = _text(event.mta_response) or _text(event.description)
    words = " ".join(f"{esp_name} reports: {event.event_type}. {said}".split())
    return words[:LONGEST_RESPONSE]
