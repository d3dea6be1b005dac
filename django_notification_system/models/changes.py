"""Changing many notifications at once, while any number of runs are at work."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.utils import timezone

from ..batches import batched
from ..database import patiently
from .expressions import DatabaseNow
from .statuses import CANCELLED, LABELS, PENDING

if TYPE_CHECKING:
    from .notification import Notification

    Rows = QuerySet[Notification]

#: The number of rows that one statement changes: within SQLite's limit of keys, and soon done.
CHANGED_AT_ONCE = 500
#: The number of keys that a change keeps in memory.
KEYS_READ_AT_ONCE = 10_000
#: Seconds that a change waits for a locked database; a person waits for the page.
LOCK_WAIT_SECONDS = 10
#: The reason for rows that a run holds.
CLAIMED = "claimed"
#: The reason for rows without any other reason: somebody else was quicker.
MEANWHILE = "meanwhile"


def _nothing_more(moment: datetime, using: str) -> dict[str, Q]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change of notifications, and the notifications that the change is for.

    Attributes:
        statuses: The statuses of the notifications that the change is for.
        values: Returns the new values of fields, for a moment of sending.
        against: Returns the conditions that keep a notification from the change, beside its status
            and a claim, by reason; for a moment of sending and a database's alias. No condition
            joins another table. Django would put all conditions of such an UPDATE into a subquery,
            and a database does not evaluate a subquery again after waiting for a row.
    """

    statuses: tuple[str, ...]
    values: Callable[[datetime], dict[str, Any]]
    against: Callable[[datetime, str], dict[str, Q]] = _nothing_more


@dataclass
class Changed:
    """The number of changed notifications, and of the others by reason.

    Attributes:
        changed: Number of changed notifications.
        left: Number of notifications left as they were, by reason: ``"claimed"`` by a run,
            ``"meanwhile"`` changed by somebody else, or a status that the change is not for. A
            change that leads to sending has ``"opted out"``, ``"inactive"`` and ``"expired"``, too.
    """

    changed: int = 0
    left: Counter[str] = field(default_factory=Counter)

    @property
    def on_their_way(self) -> int:
        """How many notifications a run held, which is delivering them or is about to."""
        return self.left[CLAIMED]

    def add(self, other: "Changed") -> None:
        """Add the numbers of other notifications.

        Args:
            other: The other numbers.
        """
        self.changed += other.changed
        self.left += other.left


CANCEL = Change(statuses=PENDING, values=lambda moment: {"status": CANCELLED})


def apply(
    change: Change,
    rows: "Rows",
    moment: datetime,
    *,
    log: Callable[["Rows"], object] | None = None,
) -> Changed:
    """Change notifications, at most 500 in a statement and a transaction.

    A row claimed by a run, before or meanwhile, is left: each statement repeats all conditions, so
    that no lock has to be kept. Memory holds at most 10,000 keys, unless the rows are a slice.

    Args:
        change: The change.
        rows: The notifications.
        moment: The moment of sending.
        log: Called with the changed rows of each statement, in its transaction.

    Raises:
        OperationalError: When the database is out of reach, or locked for long. The changes made
            before stay, unless the caller's transaction is rolled back.
    """
    rows = rows.all()
    setattr(rows, "_for_write", True)  # noqa: B010 # for mypy; so that db is no read replica
    using = rows.db
    total = Changed()
    for keys in _keys(rows):
        # The time of a row's last change identifies the changed rows afterwards, on every database,
        # and also where the answer to the commit was lost.
        stamp = timezone.now()

        def change_some(keys: Sequence[Any] = keys, stamp: datetime = stamp) -> Changed:
            part = rows.model._base_manager.using(using).filter(pk__in=keys)
            return _change_some(change, part, len(keys), moment, stamp, log)

        total.add(patiently(change_some, using=using, patience_seconds=LOCK_WAIT_SECONDS))
    return total


def _keys(rows: "Rows") -> Iterator[list[Any]]:
    """Yield the keys of rows, at most 500 at a time, in the order of the keys.

    A row created after the first keys were read is left out, where keys are in order of time: while
    other processes create rows, the change comes to an end.
    """
    if rows.query.is_sliced or rows.query.combinator:  # which can be filtered no further
        yield from batched(_read(rows.values_list("pk", flat=True)), CHANGED_AT_ONCE)
        return
    ordered = rows.order_by("pk").values_list("pk", flat=True)
    rest = ordered
    found = _read(rest[:KEYS_READ_AT_ONCE])
    if len(found) == KEYS_READ_AT_ONCE:
        rest = ordered.filter(pk__lte=_read(ordered.reverse()[:1])[0])
    while found:
        yield from batched(found, CHANGED_AT_ONCE)
        if len(found) < KEYS_READ_AT_ONCE:
            return
        found = _read(rest.filter(pk__gt=found[-1])[:KEYS_READ_AT_ONCE])


def _read(keys: "QuerySet[Notification, Any]") -> list[Any]:
    return patiently(lambda: list(keys.all()), using=keys.db, patience_seconds=LOCK_WAIT_SECONDS)


def _change_some(
    change: Change,
    chosen: "Rows",
    number_chosen: int,
    moment: datetime,
    stamp: datetime,
    log: Callable[["Rows"], object] | None,
) -> Changed:
    why = reasons_against(change, chosen, moment)
    with transaction.atomic(using=chosen.db):
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
        if number < number_chosen:
            # Including the rows changed before by a commit whose answer was lost.
            result.changed = chosen.filter(modified_date=stamp).count()
            left = chosen.exclude(modified_date=stamp)
            result.left = counted(why, left.annotate(why=number_of(why)), MEANWHILE).left
        if number and log is not None:
            log(chosen.filter(modified_date=stamp))
    return result


def reasons_against(change: Change, rows: "Rows", moment: datetime) -> dict[str, Q]:
    """Return the reasons that keep a notification from a change; the first true reason counts.

    Args:
        change: The change.
        rows: The notifications.
        moment: The moment of sending.
    """
    why = {status: Q(status=status) for status in LABELS if status not in change.statuses}
    why[CLAIMED] = Q(claimed_until__gte=DatabaseNow())
    return why | change.against(moment, rows.db)


def number_of(why: Mapping[str, Q]) -> Case:
    """Return the number of the reason, which no collation confuses; 0 without a reason.

    To MariaDB "expired" by then is the same as the status "EXPIRED".

    Args:
        why: The conditions, by the reason for people.
    """
    return Case(
        *(When(condition, then=Value(number)) for number, condition in enumerate(why.values(), 1)),
        default=Value(0),
        output_field=IntegerField(),
    )


def counted(why: Mapping[str, Q], rows: Any, otherwise: str | None = None) -> Changed:
    """Count rows by the reason that keeps them from a change.

    Args:
        why: The conditions by reason.
        rows: The rows, annotated with ``why``: the number of the reason.
        otherwise: The reason for rows without a reason; ``None``: such rows are changed.
    """
    counts = rows.aggregate(
        **{f"n{number}": Count("pk", filter=Q(why=number)) for number in range(len(why) + 1)}
    )
    left = Counter({name: counts[f"n{number}"] for number, name in enumerate(why, 1)})
    if otherwise:
        left[otherwise] = counts["n0"]
    return Changed(0 if otherwise else counts["n0"], +left)
