"""Record a provider's later reports on messages, in words common to all providers.

A row's state describes the message of the last attempt, and moves in one direction: a message
reported as failed stays failed; a confirmed message can only be reported as failed; news older than
the row's state changes nothing. So reports may come twice, side by side and in any order.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import router, transaction
from django.utils import timezone

from ...batches import batched
from ...database import patiently
from ...models import Notification, NotificationAttempt, TargetUserRecord
from ...models.address import comparable
from ...models.locking import begin_with_a_write, locked
from ...models.notification import RESPONSE_MAX_LENGTH
from ...models.reserved import is_queued_mail
from ...outcome import Receipt, ReceiptResult
from ...storable import storable
from ..handlers.redirect import is_redirect_set
from ..outcomes.addresses import (
    refuse_address,
    status_of_refusal,
    with_address_of,
    without_refusal,
)
from ..outcomes.announce import announce
from ..outcomes.apply import storable_message_id
from ..outcomes.history import is_kept, keep_attempts, make_attempt
from ..outcomes.moments import moment_within

#: How many receipts are recorded in a transaction.
BATCH_SIZE = 200
SHORTEST_HIDDEN = 4
#: A provider's times count where its clock is at most this far from the host's clock.
CLOCKS_DIFFER = timedelta(minutes=5)
STATUS_MAX_LENGTH: int = Notification._meta.get_field("provider_status").max_length or 0
KIND = NotificationAttempt.Result


def record_receipts(
    module_name: str,
    receipts: Iterable[Receipt],
    *,
    using: str | None = None,
    order: Sequence[str] = (),
) -> int:
    """Record a provider's reports on messages sent earlier.

    - A confirmed message's notification gets its ``confirmed_at``. If no answer came to the
      attempt, and the notification waits for a retry or was given up, its status becomes
      ``DELIVERED``.
    - A failed message's notification turns from ``DELIVERED`` into ``DELIVERY FAILURE``, ``INACTIVE
      DEVICE`` or ``OPTED OUT``. The failure is kept in the history and announced by
      ``notification_failed``.
    - A report on the address switches the record off, whatever became of the message: a complaint
      is no failure, but an opt-out.

    A notification that a run has claimed is left to the run: the message is being sent again.

    Args:
        module_name: The ``notification_module_name`` of the messages' targets.
        receipts: The reports, in any order, on any messages.
        using: The alias of the database that holds the notifications; by default the router's.
        order: The provider's words for states, from the first to the last; a late report is known
            by its place here. Without an order, the last report counts.

    Returns:
        How many receipts belong to a notification that no run has claimed. Other receipts may be
        for other senders' messages, or came before the outcome was recorded, up to a second later:
        try those again a little later.

    Raises:
        DatabaseError: When the database is out of reach for longer than a run waits.
    """
    using = using or router.db_for_write(Notification)
    if is_redirect_set():
        receipts = map(without_refusal, receipts)
    found = 0
    for batch in batched(_named(receipts), BATCH_SIZE):
        recording = _Recording(module_name, batch, using=using, order=order)
        found += patiently(recording.run, using=using)
    return found


def _named(receipts: Iterable[Receipt]) -> Iterator[Receipt]:
    """Yield the receipts that name a message, by the name in the message's row."""
    for receipt in receipts:
        if message_id := storable_message_id(receipt.provider_message_id):
            yield replace(receipt, provider_message_id=message_id)


class _Recording:
    """One batch of receipts on the way to their notifications."""

    def __init__(
        self, module_name: str, receipts: Sequence[Receipt], *, using: str, order: Sequence[str]
    ) -> None:
        self.module_name = module_name
        self.using = using
        self.places = {word: place for place, word in enumerate(order)}
        self.receipts: defaultdict[str, list[Receipt]] = defaultdict(list)
        for receipt in receipts:
            self.receipts[receipt.provider_message_id].append(receipt)
        self.attempts: list[NotificationAttempt] = []
        #: The kept attempts' results, by notification and message; read when first needed.
        self._results: dict[tuple[UUID, str], set[str]] | None = None
        self._keys_of_results: list[UUID] = []
        #: What the batch ended, by key: kept where the batch is recorded again, because the answer
        #: to the commit was lost, and nothing is news any more.
        self.ended: dict[UUID, str] = {}

    def run(self) -> int:
        """Record the batch; return how many of the receipts have a notification."""
        self.attempts = []
        keys = self._keys()
        if not keys:
            return 0
        with transaction.atomic(using=self.using):
            notifications = self._locked(keys)
            self._results = None
            self._keys_of_results = [each.pk for each in notifications if _may_be_unknown(each)]
            records = self._records(notifications)
            changed, ended = [], []
            for notification in notifications:
                notification.target_user_record = records[notification.target_user_record_id]
                before = _state(notification)
                for receipt in self.receipts[notification.provider_message_id]:
                    self._apply(receipt, notification)
                if _state(notification) != before:
                    changed.append(notification)
                if notification.status != before["status"]:
                    self.ended[notification.pk] = notification.status
                if self.ended.get(notification.pk) == notification.status:
                    ended.append(notification)
            self._write(changed, {notification.pk for notification in ended})
            keep_attempts(self.attempts, using=self.using)
            announce(ended, using=self.using)
        there = {notification.provider_message_id for notification in notifications}
        return sum(len(self.receipts[message_id]) for message_id in there)

    def _keys(self) -> list[UUID]:
        rows = Notification.objects.using(self.using).filter(
            provider_message_id__gt="",  # the partial index's condition
            provider_message_id__in=list(self.receipts),
            target_user_record__target__notification_module_name=self.module_name,
        )
        return list(rows.values_list("pk", flat=True))

    def _locked(self, keys: Sequence[UUID]) -> list[Notification]:
        """Return the rows of these messages that no run has claimed, locked."""
        notifications = Notification.objects.using(self.using)
        begin_with_a_write(notifications)
        rows = notifications.filter(pk__in=keys, provider_message_id__in=list(self.receipts))
        found = list(locked(rows))
        if all(row.claim_token is None for row in found):
            return found
        free = set(rows.unclaimed().values_list("pk", flat=True))
        return [row for row in found if row.pk in free]

    def _records(self, notifications: Iterable[Notification]) -> Mapping[UUID, TargetUserRecord]:
        keys = {notification.target_user_record_id for notification in notifications}
        return TargetUserRecord.objects.using(self.using).in_bulk(keys)

    def _apply(self, receipt: Receipt, notification: Notification) -> None:
        """Change the notification to the receipt's content, if the content is news."""
        if is_queued_mail(notification):
            receipt = without_refusal(receipt)
        is_news = {
            ReceiptResult.PROGRESS: self._progress,
            ReceiptResult.CONFIRMED: self._confirm,
            ReceiptResult.FAILED: self._fail,
        }[receipt.result](receipt, notification)
        if is_news and (receipt.deactivate_record or receipt.opt_out or receipt.hard_bounce):
            self._refuse_address(receipt, notification)

    def _progress(self, receipt: Receipt, notification: Notification) -> bool:
        if notification.status not in (
            Notification.DELIVERED,
            *Notification.PENDING_STATUSES,
        ):
            return False
        return self._move_to(_word(receipt), notification)

    def _confirm(self, receipt: Receipt, notification: Notification) -> bool:
        if notification.status == Notification.DELIVERED:
            if notification.confirmed_at is not None:
                return self._move_to(_word(receipt), notification)
        elif self._was_unknown(notification):
            notification.status = Notification.DELIVERED
            notification.response = _response(receipt, notification)
        else:
            return False
        self._move_to(_word(receipt), notification)
        notification.receipt_due_at = None
        notification.confirmed_at = _moment(receipt, notification)
        self._keep(KIND.CONFIRMED, receipt, notification)
        return True

    def _fail(self, receipt: Receipt, notification: Notification) -> bool:
        if notification.status == Notification.DELIVERED:
            notification.status = (
                status_of_refusal(receipt, notification) or Notification.DELIVERY_FAILURE
            )
            notification.response = _response(receipt, notification)
        elif notification.provider_status == _word(receipt) or not self._was_unknown(notification):
            return False  # else the attempt is known to have failed; a retry may follow
        notification.provider_status = _word(receipt)
        notification.receipt_due_at = None
        notification.confirmed_at = None
        self._keep(KIND.REPORTED_FAILED, receipt, notification)
        return True

    def _move_to(self, word: str, notification: Notification) -> bool:
        """Set the provider's status, unless the present one is newer."""
        present = notification.provider_status
        if word == present:
            return False
        steps = self.places.get(word, -1) - self.places.get(present, -1)
        if present and (steps < 0 or (steps == 0 and notification.confirmed_at is not None)):
            return False
        notification.provider_status = word
        return True

    def _was_unknown(self, notification: Notification) -> bool:
        """Return whether nobody knew the message's fate, and no failure was reported.

        Other pending rows with the message's name were set by a person to be sent again.
        """
        if not _may_be_unknown(notification):
            return False
        results = {
            *self._kept_results().get((notification.pk, notification.provider_message_id), ()),
            *(
                attempt.result
                for attempt in self.attempts
                if attempt.notification_id == notification.pk
            ),
        }
        return KIND.UNKNOWN in results and KIND.REPORTED_FAILED not in results

    def _kept_results(self) -> Mapping[tuple[UUID, str], set[str]]:
        """Return the results of the batch's kept attempts: one query for all rows."""
        if self._results is None:
            results: defaultdict[tuple[UUID, str], set[str]] = defaultdict(set)
            kept = NotificationAttempt.objects.using(self.using).filter(
                notification__in=self._keys_of_results
            )
            for key, message_id, result in kept.values_list(
                "notification_id", "provider_message_id", "result"
            ):
                results[key, message_id].add(result)
            self._results = results
        return self._results

    def _refuse_address(self, receipt: Receipt, notification: Notification) -> None:
        if is_redirect_set():
            return  # the message went to another address
        record = notification.target_user_record
        if receipt.address:
            is_same = comparable(record.target_user_id) == comparable(receipt.address)
        else:
            sent_at = notification.attempted_delivery
            is_same = sent_at is not None and record.modified_date <= sent_at
        if not is_same:
            return
        refuse_address(
            with_address_of(record, using=self.using),
            for_good=receipt.deactivate_record or receipt.opt_out,
            opt_out=receipt.opt_out,
            hard_bounce=receipt.hard_bounce,
        )
        record.hard_bounces += int(receipt.hard_bounce)

    def _keep(
        self, kind: NotificationAttempt.Result, receipt: Receipt, notification: Notification
    ) -> None:
        if is_kept(kind):
            attempt = make_attempt(notification, kind, _moment(receipt, notification))
            attempt.response = _response(receipt, notification)
            self.attempts.append(attempt)

    def _write(self, notifications: Iterable[Notification], ended: set[UUID]) -> None:
        """Write the changed rows, equal values in one statement."""
        groups: defaultdict[tuple[Any, ...], list[UUID]] = defaultdict(list)
        for notification in notifications:
            values = _state(notification)
            if notification.pk in ended:
                # No run with an ended lease may overwrite the failure.
                values |= {"claim_token": None, "claimed_until": None, "interruptions": 0}
            groups[tuple(values.items())].append(notification.pk)
        for values_of_group, keys in groups.items():
            Notification.objects.using(self.using).filter(pk__in=keys).update(
                **dict(values_of_group), modified_date=timezone.now()
            )


def _may_be_unknown(notification: Notification) -> bool:
    return notification.status in (
        Notification.DELIVERY_FAILURE,
        Notification.EXPIRED,
        *Notification.PENDING_STATUSES,
    )


def _state(notification: Notification) -> dict[str, Any]:
    names = ("status", "response", "provider_status", "receipt_due_at", "confirmed_at")
    return {name: getattr(notification, name) for name in names}


def _word(receipt: Receipt) -> str:
    return storable(receipt.provider_status, STATUS_MAX_LENGTH)


def _response(receipt: Receipt, notification: Notification) -> str:
    said = receipt.response or f"The provider reports: {receipt.provider_status}."
    for text in (notification.body, notification.title):
        # Providers quote the text they refuse. A shorter text stands in other words by chance.
        if len(text) >= SHORTEST_HIDDEN:
            said = said.replace(text, "…")
    return storable(said, RESPONSE_MAX_LENGTH)


def _moment(receipt: Receipt, notification: Notification) -> datetime:
    """Return when the provider's news came true: after the attempt, and not after now.

    A provider's time may be in whole seconds, and by a clock that differs from the host's.
    """
    now = timezone.now()
    sent_at = notification.attempted_delivery or notification.created_date
    named = moment_within(receipt.at, sent_at - CLOCKS_DIFFER, now + CLOCKS_DIFFER)
    return now if named is None else max(named, sent_at)
