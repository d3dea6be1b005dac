"""Changing many notifications at once, however many runs are at work on them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import Case, Count, Exists, IntegerField, OuterRef, Q, Value, When
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from ...database import patiently
from ...models import Notification, NotificationOptOut, TargetUserRecord
from ...models.expressions import DatabaseNow
from ...models.notification import NotificationQuerySet
from ..listing.paginator import COUNTED_ROWS

#: How many rows one statement changes: as many as SQLite takes keys, and soon done.
CHANGED_AT_ONCE = 500
#: How long a change waits for a database that is locked, in seconds; a person waits for it.
PATIENCE_SECONDS = 10
#: What is left for no reason that still holds: somebody else was quicker.
MEANWHILE = "meanwhile"

TEXTS: Mapping[str, Any] = {
    "held": _("held by a run, which is delivering them or is about to"),
    "opted out": _("their user has opted out"),
    "inactive": _("their record is inactive"),
    "expired": _("they have expired by then"),
    "due": _("due already"),
    MEANWHILE: _("changed meanwhile"),
}


@dataclass(frozen=True)
class Change:
    """What an action does to a notification, and to which.

    Attributes:
        message: What the log says of it.
        statuses: Which notifications it is for.
        values: The new values of fields, for the moment at which it is to be sent.
        sends: Whether it is sent because of it, so that it must be allowed and in time.
        only_later: Whether what is due by that moment anyway is left.
    """

    message: str
    statuses: tuple[str, ...]
    values: Callable[[datetime], dict[str, Any]]
    sends: bool = True
    only_later: bool = False


@dataclass
class Changed:
    """What has become of a selection, or would.

    Attributes:
        changed: How many are changed.
        left: How many are left, by reason: a status, or a key of ``TEXTS``.
    """

    changed: int = 0
    left: Counter[str] = field(default_factory=Counter)

    def reasons(self) -> list[tuple[int, Any]]:
        """Return how many are left and why, for people."""
        return [(number, _for_people(name)) for name, number in self.left.most_common()]


def _for_people(name: str) -> Any:
    if name in TEXTS:
        return TEXTS[name]
    return _("status: %s") % dict(Notification.STATUS_CHOICES).get(name, name)


SEND_NOW = Change(
    message=gettext_noop("Set to be sent now."),
    statuses=Notification.PENDING_STATUSES,
    values=lambda moment: {"scheduled_delivery": moment},
    only_later=True,
)
RETRY_FAILED = Change(
    message=gettext_noop("Set to be sent again."),
    statuses=(Notification.DELIVERY_FAILURE, Notification.EXPIRED, Notification.INACTIVE_DEVICE),
    # As new: "scheduled" is only what was never attempted. The attempts stand in the history.
    values=lambda moment: {
        "status": Notification.SCHEDULED,
        "scheduled_delivery": moment,
        "retry_attempts": 0,
        "attempted_delivery": None,
    },
)
CANCEL = Change(
    message=gettext_noop("Cancelled."),
    statuses=Notification.PENDING_STATUSES,
    values=lambda moment: {"status": Notification.CANCELLED},
    sends=False,
)
RESCHEDULE = Change(
    message=gettext_noop("Rescheduled."),
    statuses=Notification.PENDING_STATUSES,
    values=lambda moment: {"scheduled_delivery": moment},
)


#: What stands in the log, in English, as its readers may have different languages.
MESSAGES = frozenset(each.message for each in (SEND_NOW, RETRY_FAILED, CANCEL, RESCHEDULE))


def in_readers_language(entries: Iterable[LogEntry]) -> None:
    """Let entries of the log say what the actions did in the language of whoever reads them."""
    for entry in entries:
        if entry.change_message in MESSAGES:
            entry.change_message = gettext(entry.change_message)


def preview(change: Change, rows: NotificationQuerySet, moment: datetime) -> Changed:
    """Return what a change would do, in one query; of no more than ``COUNTED_ROWS`` + 1 rows.

    Args:
        change: The change.
        rows: The selection.
        moment: When they are to be sent.
    """
    why = _why(change, moment, using=rows.db)
    return _counted(why, rows.order_by().annotate(why=_case(why))[: COUNTED_ROWS + 1])


def first_rows(
    change: Change, rows: NotificationQuerySet, moment: datetime, number: int
) -> list[tuple[Notification, Any]]:
    """Return the first rows of a selection, each with why it is left, or ``None``; in one query.

    Args:
        change: The change.
        rows: The selection.
        moment: When they are to be sent.
        number: How many rows.
    """
    why = _why(change, moment, using=rows.db)
    reasons = [None, *map(_for_people, why)]
    return [(row, reasons[vars(row)["why"]]) for row in rows.annotate(why=_case(why))[:number]]


def apply(change: Change, rows: NotificationQuerySet, moment: datetime, *, user_id: Any) -> Changed:
    """Change a selection, and log what was changed.

    A row that a run holds, or takes meanwhile, is left: each statement asks again for all that
    must hold, so that no lock has to be kept. Some hundred rows are changed in a statement, and
    logged in the same transaction where the log is in the same database.

    Args:
        change: The change.
        rows: The selection.
        moment: When they are to be sent.
        user_id: Whose change it is.

    Raises:
        OperationalError: When the database is out of reach, or locked for long. What was changed
            until then stays changed and is in the log.
    """
    using = rows.db
    total = Changed()
    for keys in _chunks(list(rows.order_by().values_list("pk", flat=True))):
        # The row's last change tells afterwards which they were, on every database, and also where
        # the answer to the commit was lost.
        stamp = timezone.now()

        def change_some(keys: Sequence[Any] = keys, stamp: datetime = stamp) -> Changed:
            return _change_some(change, keys, moment, stamp, user_id=user_id, using=using)

        done = patiently(change_some, using=using, patience_seconds=PATIENCE_SECONDS)
        total.changed += done.changed
        total.left += done.left
    return total


def _change_some(
    change: Change,
    keys: Sequence[Any],
    moment: datetime,
    stamp: datetime,
    *,
    user_id: Any,
    using: str,
) -> Changed:
    why = _why(change, moment, using=using)
    chosen = Notification.objects.using(using).filter(pk__in=keys)
    with transaction.atomic(using=using):
        free = chosen.exclude(modified_date=stamp)
        for condition in why.values():
            free = free.exclude(condition)
        number = free.order_by().update(
            **change.values(moment),
            # A run whose lease has ended may still be sending; it must not write over this.
            claim_token=None,
            claimed_until=None,
            interruptions=0,
            modified_date=stamp,
        )
        result = Changed(number)
        if number < len(keys):
            # With those that were changed before, by a commit that was not answered.
            result.changed = chosen.filter(modified_date=stamp).count()
            left = chosen.exclude(modified_date=stamp)
            result.left = _counted(why, left.annotate(why=_case(why)), MEANWHILE).left
        if number:
            changed = chosen.filter(modified_date=stamp).defer("body", "extra")
            LogEntry.objects.log_actions(
                user_id,
                changed.select_related("target_user_record__user"),
                CHANGE,
                change.message,
            )
    return result


def _why(change: Change, moment: datetime, *, using: str) -> dict[str, Q]:
    """Return what keeps a notification from being changed, by reason, the first that holds first.

    No condition joins another table. Django would put all conditions of such an UPDATE into a
    subquery, which the database does not ask again when it has waited for a row.
    """
    why = {
        status: Q(status=status)
        for status, _label in Notification.STATUS_CHOICES
        if status not in change.statuses
    }
    why["held"] = Q(claimed_until__gte=DatabaseNow())
    if change.sends:
        opt_outs = NotificationOptOut.objects.using(using).filter(
            active=True,
            user__notification_target_user_records=OuterRef("target_user_record_id"),
        )
        records = TargetUserRecord.objects.using(using).filter(
            active=False, pk=OuterRef("target_user_record_id")
        )
        why["opted out"] = Q(Exists(opt_outs))
        why["inactive"] = Q(Exists(records))
        why["expired"] = Q(expires_at__lte=moment)
    if change.only_later:
        why["due"] = Q(scheduled_delivery__lte=moment)
    return why


def _case(why: Mapping[str, Q]) -> Case:
    """Return the number of the reason, which no collation takes for another; 0 where there is none.

    To MariaDB "expired" by then is the same as the status "EXPIRED".
    """
    return Case(
        *(When(condition, then=Value(number)) for number, condition in enumerate(why.values(), 1)),
        default=Value(0),
        output_field=IntegerField(),
    )


def _counted(why: Mapping[str, Q], rows: Any, otherwise: str | None = None) -> Changed:
    """Count rows annotated with ``why``; those without a reason are changed, or ``otherwise``."""
    counts = rows.aggregate(
        **{f"n{number}": Count("pk", filter=Q(why=number)) for number in range(len(why) + 1)}
    )
    left = Counter({name: counts[f"n{number}"] for number, name in enumerate(why, 1)})
    if otherwise:
        left[otherwise] = counts["n0"]
    return Changed(0 if otherwise else counts["n0"], +left)


def _chunks(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for first in range(0, len(keys), CHANGED_AT_ONCE):
        yield keys[first : first + CHANGED_AT_ONCE]
