"""The state of the queue as text for people and as JSON for programs."""

from datetime import timedelta
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...delivery.claims.pause import is_paused
from ...delivery.handlers.redirect import redirect_notice
from ..queue.status import Cause, Overdue, QueueStatus, TargetStatus
from .duration import spoken
from .text_table import table


def status_text(status: QueueStatus) -> str:
    """Return the queue's state as aligned text, with a paragraph for each part that has news.

    Args:
        status: The queue's state.
    """
    parts = [_queue(status)]
    if notice := redirect_notice([each.target for each in status.targets]):
        parts.append(notice)
    if paused := [each for each in status.targets if is_paused(each.target, at=status.at)]:
        lines = [
            (
                each.target.name,
                _("until %s") % _moment(each.target.paused_until),
                each.target.pause_reason,
            )
            for each in paused
        ]
        parts.append(f"{_('Paused')}\n{table(lines)}")
    for heading, causes in (
        (_("Why notifications failed in the last hour"), status.causes),
        (_("Why notifications due in the last hour were not sent"), status.not_sent),
    ):
        if causes:
            lines_of_causes = [
                (_number(cause.notifications), cause.target, cause.text) for cause in causes
            ]
            parts.append(f"{heading}\n{table(lines_of_causes, right=frozenset({0}))}")
    parts.append(_claims(status))
    return "\n\n".join(parts)


def status_json(status: QueueStatus) -> dict[str, Any]:
    """Return the queue's state, in the form of ``docs/schemas/notification_status.json``.

    Args:
        status: The queue's state.
    """
    return {
        "at": status.at.isoformat(),
        "database": status.using,
        "targets": [_target_json(each, status) for each in status.targets],
        "causes": _causes_json(status.causes),
        "not_sent": _causes_json(status.not_sent),
        "claims": [
            {
                "token": str(each.token),
                "target": each.target,
                "notifications": each.notifications,
                "claimed_until": each.claimed_until.isoformat(),
            }
            for each in status.claims
        ],
    }


def _causes_json(causes: list[Cause]) -> list[dict[str, Any]]:
    return [
        {"target": each.target, "cause": each.text, "notifications": each.notifications}
        for each in causes
    ]


def health_json(found: list[Overdue], max_age: timedelta) -> dict[str, Any]:
    """Return the result of the health check, for the key ``health``.

    Args:
        found: The overdue targets, the worst first.
        max_age: The longest time that a notification may be due.
    """
    return {
        "healthy": not found,
        "max_age_seconds": max_age.total_seconds(),
        "overdue": [
            {
                "target": each.target,
                "oldest_due": each.oldest_due.isoformat(),
                "seconds": each.age.total_seconds(),
            }
            for each in found
        ],
    }


def health_text(found: list[Overdue], max_age: timedelta) -> str:
    """Return the result of the health check, on one line.

    Args:
        found: The overdue targets, the worst first.
        max_age: The longest time that a notification may be due.
    """
    if not found:
        return _("Nothing has been due for longer than %s.") % spoken(max_age)
    overdue = ", ".join(
        _("%(target)s for %(age)s") % {"target": each.target, "age": spoken(each.age)}
        for each in found
    )
    return _(
        "Due for longer than %(max_age)s: %(overdue)s. See that process_notifications runs."
    ) % {"max_age": spoken(max_age), "overdue": overdue}


def _queue(status: QueueStatus) -> str:
    header = (
        _("Target"),
        _("Due"),
        _("Oldest due for"),
        _("Later"),
        _("Retrying"),
        _("Delivered/h"),
        _("Failed/h"),
        _("Failed for now/h"),
    )
    rows = [
        (
            each.target.name,
            _number(each.due),
            "-" if each.oldest_due is None else spoken(status.at - each.oldest_due),
            _number(each.scheduled_later),
            _number(each.retrying),
            *(
                _number(number) + ("+" if each.at_least else "")
                for number in (each.delivered, each.failed, each.failed_for_now)
            ),
        )
        for each in status.targets
    ]
    return table([header, *rows], right=frozenset(range(1, len(header))))


def _claims(status: QueueStatus) -> str:
    if not status.claims:
        return _("No worker holds anything.")
    rows = [
        (each.target, _number(each.notifications), _("until %s") % _moment(each.claimed_until))
        for each in status.claims
    ]
    heading = ngettext(
        "Workers hold %(count)d batch", "Workers hold %(count)d batches", len(rows)
    ) % {"count": len(rows)}
    return f"{heading}\n{table(rows, right=frozenset({1}))}"


def _number(number: int) -> str:
    return number_format(number, force_grouping=True)


def _moment(moment: Any) -> str:
    return str(moment.replace(microsecond=0))


def _target_json(each: TargetStatus, status: QueueStatus) -> dict[str, Any]:
    target = each.target
    paused_until = target.paused_until if is_paused(target, at=status.at) else None
    return {
        "name": target.name,
        "module_name": target.notification_module_name,
        "due": each.due,
        "due_retries": each.due_retries,
        "scheduled_later": each.scheduled_later,
        "retrying": each.retrying,
        "oldest_due": None if each.oldest_due is None else each.oldest_due.isoformat(),
        "oldest_due_seconds": (
            None if each.oldest_due is None else (status.at - each.oldest_due).total_seconds()
        ),
        "paused_until": None if paused_until is None else paused_until.isoformat(),
        "pause_reason": "" if paused_until is None else target.pause_reason,
        "blocked": each.blocked,
        "last_hour": {
            "delivered": each.delivered,
            "failed": each.failed,
            "failed_for_now": each.failed_for_now,
            "at_least": each.at_least,
        },
    }
