"""When a provider is asked about which messages.

``receipt_due_at`` says when; a partial index holds only rows with a value there. All moments of a
message follow from its ``attempted_delivery``, at growing distances. So a late run asks once for
all the moments it missed. The moments are by the hosts' clocks, as ``attempted_delivery`` is: where
clocks differ, the provider is asked a little sooner or later, and an answer is still recorded once.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db.models import F, Subquery

from ...batches import batched
from ...database import patiently
from ...models import Notification, NotificationTarget
from ...models.notification_queryset import NotificationQuerySet
from ...targets import time_to_receipt

#: From the first question about a message to the second; every further distance doubles.
FIRST_DISTANCE = timedelta(minutes=15)
#: From the last question to the moment when the provider forgets its receipts.
LAST_BEFORE_END = timedelta(minutes=45)
#: The ``provider_status`` of a message whose receipt never came before the provider forgot.
NO_RECEIPT = "no receipt"
#: How many messages are in memory at a time.
PAGE = 5_000
#: How many rows a statement writes.
WRITTEN_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Awaited:
    """A message whose receipt is due.

    Attributes:
        key: The row's key.
        message_id: The provider's name for the message.
        age: The time since the attempt.
    """

    key: UUID
    message_id: str
    age: timedelta


def targets_with_receipts_due(
    targets: Sequence[NotificationTarget], now: datetime, *, using: str
) -> list[NotificationTarget]:
    """Return the targets with a receipt due, in one query.

    Args:
        targets: The targets in question.
        now: The moment by which receipts are due.
        using: The alias of the database.
    """
    if not targets:
        return []
    # The first key in the index, for every target: a query that asks only whether a row exists may
    # scan the whole table.
    firsts = [Subquery(_due(target, now, using=using).values("pk")[:1]) for target in targets]
    row = NotificationTarget.objects.using(using).filter(pk=targets[0].pk).values_list(*firsts)
    found = patiently(row.first, using=using) or ()
    return [target for target, first in zip(targets, found, strict=False) if first is not None]


def pages_of_due(
    target: NotificationTarget,
    now: datetime,
    *,
    kept: timedelta,
    on_given_up: Callable[[int], None],
    using: str,
) -> Iterator[list[Awaited]]:
    """Yield the messages whose receipts are due, the longest due first, a page at a time.

    Three kinds of rows leave the index instead: receipts that the provider has forgotten, rows to
    be sent again, and rows that a person has ended.

    Args:
        target: The messages' target.
        now: The moment by which receipts are due.
        kept: For how long the provider keeps a receipt.
        on_given_up: Called with the number of receipts that the provider has forgotten.
        using: The alias of the database.
    """
    rows = _due(target, now, using=using).values_list(
        "pk",
        "provider_message_id",
        "attempted_delivery",
        # Not in the condition of the query: MariaDB would choose the index on status, and read
        # every delivered row.
        "status",
        "receipt_due_at",
    )
    seen: set[UUID] = set()
    following = rows
    while True:
        found = patiently(lambda: list(following[:PAGE]), using=using)  # noqa: B023 # called now
        unseen = [row for row in found if row[0] not in seen]
        if not unseen:
            return
        page, forgotten, others = [], [], []
        for key, message_id, attempted_at, status, _ in unseen:
            if status != Notification.DELIVERED or attempted_at is None:
                others.append(key)
            elif (age := now - attempted_at) >= kept:
                forgotten.append(key)
            else:
                page.append(Awaited(key, message_id, age))
        on_given_up(_give_up(forgotten, now, using=using))
        _write(others, now, using=using, receipt_due_at=None)
        if page:
            yield page
        seen = {row[0] for row in found}
        # The rows just written are not due any more, but an index is slow to forget rows.
        following = rows.filter(receipt_due_at__gte=found[-1][4])


def note_asked(
    messages: Iterable[Awaited],
    target: NotificationTarget,
    now: datetime,
    *,
    kept: timedelta,
    on_given_up: Callable[[int], None],
    using: str,
) -> int:
    """Set the next question's time, or the end, for messages without a recorded receipt.

    Args:
        messages: The messages that the provider was asked about.
        target: Their target.
        now: The moment by which the messages were due.
        kept: For how long the provider keeps a receipt.
        on_given_up: Called with the number of messages that the provider is not asked about again.
        using: The alias of the database.

    Returns:
        How many messages the provider is asked about again. Neither number counts a message whose
        receipt somebody has recorded since the message was read.
    """
    first = time_to_receipt(target.notification_module_name)
    groups: defaultdict[timedelta | None, list[UUID]] = defaultdict(list)
    for message in messages:
        groups[next_age(message.age, first=first, kept=kept)].append(message.key)
    number = 0
    for age, keys in groups.items():
        if age is None:
            on_given_up(_give_up(keys, now, using=using))
        else:
            due_at = F("attempted_delivery") + age
            number += _write(keys, now, using=using, receipt_due_at=due_at)
    return number


def next_age(age: timedelta, *, first: timedelta, kept: timedelta) -> timedelta | None:
    """Return a message's age at the next question.

    Args:
        age: The age now.
        first: The age at the first question.
        kept: For how long the provider keeps a receipt.

    Returns:
        The age, or ``None``: the provider is not asked again.
    """
    last = kept - LAST_BEFORE_END
    if age >= last:
        return None
    following, distance = first, FIRST_DISTANCE
    while following <= age:
        following += distance
        distance *= 2
    return min(following, last)


def _give_up(keys: Sequence[UUID], now: datetime, *, using: str) -> int:
    """Write that no receipt came and the provider is not asked again; return how many rows."""
    return _write(keys, now, using=using, receipt_due_at=None, provider_status=NO_RECEIPT)


def _write(keys: Sequence[UUID], now: datetime, *, using: str, **values: object) -> int:
    """Write the rows whose receipt is still due, and return how many.

    Of two processes that asked at the same time, the second finds ``receipt_due_at`` moved, and
    writes no row.
    """
    number = 0
    for some in batched(keys, WRITTEN_AT_ONCE):
        rows = Notification.objects.using(using).filter(pk__in=some, receipt_due_at__lte=now)
        number += patiently(partial(rows.update, **values), using=using)
    return number


def _due(target: NotificationTarget, now: datetime, *, using: str) -> NotificationQuerySet:
    rows = Notification.objects.using(using)
    return rows.filter(target=target, receipt_due_at__lte=now).order_by("receipt_due_at")
