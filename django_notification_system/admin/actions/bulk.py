"""The admin's changes of many notifications: previewed, made, and logged."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import QuerySet
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from ...models import Notification, changes
from ...models.changes import CANCEL, CLAIMED, MEANWHILE, Change, Changed
from ...models.notification_queryset import NotificationQuerySet
from ...operations.sending_time import RESCHEDULE, RETRY_FAILED, SEND_NOW
from ..listing.paginator import COUNTED_ROWS

TEXTS: Mapping[str, Any] = {
    CLAIMED: _("held by a run, which is delivering them or is about to"),
    "opted out": _("their user has opted out"),
    "inactive": _("their record is inactive"),
    "expired": _("they have expired by then"),
    "due": _("due already"),
    MEANWHILE: _("changed meanwhile"),
}
#: The changes, by the action's name.
CHANGES: Mapping[str, Change] = {
    "send_now": SEND_NOW,
    "retry_failed": RETRY_FAILED,
    "cancel": CANCEL,
    "reschedule": RESCHEDULE,
}
#: The texts in the log, in English: the log's readers may have different languages.
MESSAGES: Mapping[str, str] = {
    "send_now": gettext_noop("Set to be sent now."),
    "retry_failed": gettext_noop("Set to be sent again."),
    "cancel": gettext_noop("Cancelled."),
    "reschedule": gettext_noop("Rescheduled."),
}


def reasons(changed: Changed) -> list[tuple[int, Any]]:
    """Return how many notifications are left and why, for people.

    Args:
        changed: The numbers of changed and unchanged notifications.
    """
    return [(number, _for_people(name)) for name, number in changed.left.most_common()]


def _for_people(name: str) -> Any:
    if name in TEXTS:
        return TEXTS[name]
    return _("status: %s") % dict(Notification.STATUS_CHOICES).get(name, name)


def in_readers_language(entries: Iterable[LogEntry]) -> None:
    """Translate the log's entries of the actions into the reader's language.

    Args:
        entries: The entries.
    """
    for entry in entries:
        if entry.change_message in MESSAGES.values():
            entry.change_message = gettext(entry.change_message)


def preview(action: str, rows: NotificationQuerySet, moment: datetime) -> Changed:
    """Return an action's effect, by one query over at most ``COUNTED_ROWS`` + 1 rows.

    Args:
        action: The action's name.
        rows: The selection.
        moment: The moment of sending.
    """
    why = changes.reasons_against(CHANGES[action], rows, moment)
    selected = rows.order_by().annotate(why=changes.number_of(why))
    return changes.counted(why, selected[: COUNTED_ROWS + 1])


def first_rows(
    action: str, rows: NotificationQuerySet, moment: datetime, number: int
) -> list[tuple[Notification, Any]]:
    """Return the first rows with the reason for leaving a row, or ``None``; in one query.

    Args:
        action: The action's name.
        rows: The selection.
        moment: The moment of sending.
        number: Number of rows.
    """
    why = changes.reasons_against(CHANGES[action], rows, moment)
    said = [None, *map(_for_people, why)]
    shown = rows.annotate(why=changes.number_of(why))[:number]
    return [(row, said[vars(row)["why"]]) for row in shown]


def apply(action: str, rows: NotificationQuerySet, moment: datetime, *, user_id: Any) -> Changed:
    """Change a selection, and log the changed rows in the same transactions.

    Args:
        action: The action's name.
        rows: The selection.
        moment: The moment of sending.
        user_id: The key of the person who makes the change.

    Raises:
        OperationalError: When the database is out of reach, or locked for long. The changes made
            before stay, with their entries in the log.
    """

    def log(changed: QuerySet[Notification]) -> None:
        LogEntry.objects.log_actions(
            user_id,
            changed.defer("body", "extra").select_related("target_user_record__user"),
            CHANGE,
            MESSAGES[action],
        )

    return changes.apply(CHANGES[action], rows, moment, log=log)
