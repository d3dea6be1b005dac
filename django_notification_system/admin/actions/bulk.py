"""Changing many notifications at once, while any number of runs are at work."""

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
from ...models.notification_queryset import NotificationQuerySet
from ..listing.paginator import COUNTED_ROWS

#: The number of rows that one statement changes: within SQLite's limit of keys, and soon done.
CHANGED_AT_ONCE = 500
#: Seconds that a change waits for a locked database; a person waits for the page.
PATIENCE_SECONDS = 10
#: The reason for rows without any other reason: somebody else was quicker.
MEANWHILE = "meanwhile"

TEXTS: Mapping[str, Any] = {
    "claimed": _("held by a run, which is delivering them or is about to"),
    "opted out": _("their user has opted out"),
    "inactive": _("their record is inactive"),
    "expired": _("they have expired by then"),
    "due": _("due already"),
    MEANWHILE: _("changed meanwhile"),
}


@dataclass(frozen=True)
class Change:
    """An action's effect on a notification, and the notifications that the action is for.

    Attributes:
        message: The text in the log.
        statuses: The statuses of the notifications that the action is for.
        values: Returns the new values of fields, for the moment of sending.
        sends: Whether the action leads to sending, so that sending must be allowed and in time.
        only_later: Whether notifications due by the moment anyway are left.
    """

    message: str
    statuses: tuple[str, ...]
    values: Callable[[datetime], dict[str, Any]]
    sends: bool = True
    only_later: bool = False


@dataclass
class Changed:
    """The result of a change of a selection, real or previewed.

    Attributes:
        changed: Number of changed notifications.
        left: Number of notifications left, by reason: a status, or a key of ``TEXTS``.
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
    # As new: "scheduled" is only for notifications without an attempt. The attempts stand in the
    # history.
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


#: The texts in the log, in English: the log's readers may have different languages.
MESSAGES = frozenset(each.message for each in (SEND_NOW, RETRY_FAILED, CANCEL, RESCHEDULE))


def in_readers_language(entries: Iterable[LogEntry]) -> None:
    """Translate the log's entries of the actions into the reader's language."""
    for entry in entries:
        if entry.change_message in MESSAGES:
            entry.change_message = gettext(entry.change_message)


def preview(change: Change, rows: NotificationQuerySet, moment: datetime) -> Changed:
    """Return the effect of a change, by one query over at most ``COUNTED_ROWS`` + 1 rows.

    Args:
        change: The change.
        rows: The selection.
        moment: The moment of sending.
    """
    why = _why(change, moment, using=rows.db)
    return _counted(why, rows.order_by().annotate(why=_case(why))[: COUNTED_ROWS + 1])


def first_rows(
    change: Change, rows: NotificationQuerySet, moment: datetime, number: int
) -> list[tuple[Notification, Any]]:
    """Return the first rows with the reason for leaving a row, or ``None``; in one query.

    Args:
        change: The change.
        rows: The selection.
        moment: The moment of sending.
        number: Number of rows.
    """
    why = _why(change, moment, using=rows.db)
    reasons = [None, *map(_for_people, why)]
    return [(row, reasons[vars(row)["why"]]) for row in rows.annotate(why=_case(why))[:number]]


def apply(change: Change, rows: NotificationQuerySet, moment: datetime, *, user_id: Any) -> Changed:
    """Change a selection, and log what was changed.

    A row claimed by a run, before or meanwhile, is left: each statement repeats all conditions, so
    that no lock has to be kept. Some hundred rows are changed in a statement, and logged in the
    same transaction where the log is in the same database.

    Args:
        change: The change.
        rows: The selection.
        moment: The moment of sending.
        user_id: The key of the person who makes the change.

    Raises:
        OperationalError: When the database is out of reach, or locked for long. The changes made
            before stay, with their entries in the log.
    """
    using = rows.db
    total = Changed()
    for keys in _chunks(list(rows.order_by().values_list("pk", flat=True))):
        # The time of a row's last change identifies the changed rows afterwards, on every database,
        # and also where the answer to the commit was lost.
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
            # A run whose lease has ended may still be sending; the run must not overwrite this
            # change.
            claim_token=None,
            claimed_until=None,
            interruptions=0,
            modified_date=stamp,
        )
        result = Changed(number)
        if number < len(keys):
            # Including the rows changed before by a commit whose answer was lost.
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
    """Return the reasons that keep a notification from a change; the first true reason counts.

    No condition joins another table. Django would put all conditions of such an UPDATE into a
    subquery, and a database does not evaluate a subquery again after waiting for a row.
    """
    why = {
        status: Q(status=status)
        for status, _label in Notification.STATUS_CHOICES
        if status not in change.statuses
    }
    why["claimed"] = Q(claimed_until__gte=DatabaseNow())
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
    """Return the number of the reason, which no collation confuses; 0 without a reason.

    To MariaDB "expired" by then is the same as the status "EXPIRED".
    """
    return Case(
        *(When(condition, then=Value(number)) for number, condition in enumerate(why.values(), 1)),
        default=Value(0),
        output_field=IntegerField(),
    )


def _counted(why: Mapping[str, Q], rows: Any, otherwise: str | None = None) -> Changed:
    """Count rows annotated with ``why``; rows without a reason are changed, or ``otherwise``."""
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
