"""Which messages their provider is to be asked about now, out of however many.

No row says when it is to be asked about, and none must be read to see that it is not time yet: how
often it was asked about stands in ``provider_status``, and with it the age at which it is asked
about next. So each query reads one stretch of an index, in which every row is due.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Subquery

from ..conf import target_settings
from ..models import Notification, NotificationTarget
from ..models.awaited import AWAITED, NO_RECEIPT
from ..models.notification import NotificationQuerySet
from .database import patiently

#: How long after the first time a message is asked about for the n-th, in minutes.
MINUTES_LATER = (0, 15, 45, 105, 225, 465, 945, 1380)
#: Expo clears receipts after 24 hours.
#: Source: https://docs.expo.dev/push-notifications/sending-notifications/
OLDEST = timedelta(hours=24)
#: How many names are held in memory.
PAGE = 5_000

#: The row's key, and the provider's name for its message.
Awaited = tuple[UUID, str]


def what_is_awaited(
    targets: Sequence[NotificationTarget], now: datetime, *, using: str
) -> list[tuple[NotificationTarget, list[int]]]:
    """Return of which targets something is to be asked about now, in one query.

    Returns:
        Each such target, and how often it was asked about them before.
    """
    if not targets:
        return []
    places = [(target, asked) for target in targets for asked in range(len(AWAITED))]
    # The first that the index has of each: a query that only asks whether there is one may be
    # answered by reading all the table. Targets by name: else MariaDB would read older ones too.
    firsts = [
        Subquery(_due(target, asked, now, using=using).values("pk")[:1]) for target, asked in places
    ]
    row = NotificationTarget.objects.using(using).filter(pk=targets[0].pk).values_list(*firsts)
    found = dict(zip(places, patiently(row.first, using=using) or (), strict=False))
    awaited = [
        (target, [asked for asked in range(len(AWAITED)) if found.get((target, asked))])
        for target in targets
    ]
    return [(target, due) for target, due in awaited if due]


def pages_awaited(
    target: NotificationTarget, asked: int, now: datetime, *, using: str
) -> Iterator[list[Awaited]]:
    """Yield what the provider is to be asked about now, oldest first, a page at a time.

    Args:
        target: Whose provider.
        asked: How often it was asked about them before.
        now: The moment.
        using: The alias of the database.
    """
    rows = _due(target, asked, now, using=using).values_list(
        "pk", "provider_message_id", "attempted_delivery", "status"
    )
    seen: set[UUID] = set()
    following = rows
    while True:
        found = patiently(lambda: list(following[:PAGE]), using=using)  # noqa: B023 # called now
        unseen = [row for row in found if row[0] not in seen]
        if not unseen:
            return
        # Some may wait to be sent again, which the query does not ask: MariaDB would take another
        # index for it, and read whatever else has that status.
        delivered = [row for row in unseen if row[3] == Notification.DELIVERED]
        if delivered:
            yield [(key, message_id) for key, message_id, _, _ in delivered]
        seen = {row[0] for row in found}
        # What was asked about is not due any more; an index is slow to forget such rows.
        following = rows.filter(attempted_delivery__gte=found[-1][2])


def note_asked(keys: Sequence[UUID], asked: int, *, using: str) -> int:
    """Note that there was nothing to say of messages, where nothing was recorded of them since.

    Args:
        keys: The rows that were asked about.
        asked: How often they had been asked about before.
        using: The alias of the database.

    Returns:
        How many there are.
    """
    following = AWAITED[asked + 1] if asked + 1 < len(AWAITED) else NO_RECEIPT
    rows = Notification.objects.using(using).filter(pk__in=keys, provider_status=AWAITED[asked])
    return patiently(lambda: rows.update(provider_status=following), using=using)


def _due(
    target: NotificationTarget, asked: int, now: datetime, *, using: str
) -> NotificationQuerySet:
    minutes = target_settings(target.notification_module_name).receipts_after
    age = timedelta(minutes=minutes + MINUTES_LATER[asked])
    return (
        Notification.objects.using(using)
        .filter(
            target=target,
            provider_status=AWAITED[asked],
            attempted_delivery__gt=now - OLDEST,
            attempted_delivery__lte=now - age,
        )
        .order_by("attempted_delivery")
    )
