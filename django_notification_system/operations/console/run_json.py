"""A run's report as JSON for programs: ``docs/schemas/process_notifications.json``."""

from typing import Any

from ...delivery.receipts.fetch import Fetched
from ...delivery.runs.report import Report
from .tally import Tally


def report_json(report: Report) -> dict[str, Any]:
    """Return the report of one notification: its key, without recipient and text.

    Args:
        report: The run's report.
    """
    notification = report.notification
    attempted = notification.attempted_delivery
    return {
        "type": "notification",
        "id": str(notification.pk),
        "target": report.target.name,
        "category": notification.category,
        "record": str(notification.target_user_record_id),
        "scheduled_delivery": report.scheduled_delivery.isoformat(),
        "status_before": report.status_before,
        "status": notification.status,
        "response": report.response,
        "attempted_delivery": None if attempted is None else attempted.isoformat(),
        "retry_attempts": notification.retry_attempts,
        "provider_message_id": str(notification.provider_message_id),
    }


def summary_json(tally: Tally, fetched: Fetched, *, dry_run: bool) -> dict[str, Any]:
    """Return the summary after the notifications.

    Args:
        tally: The run's counts.
        fetched: The fetched receipts.
        dry_run: Whether nothing was delivered.
    """
    names = sorted({*tally.by_target, *tally.problems, *tally.paused})
    return {
        "type": "summary",
        "dry_run": dry_run,
        "statuses": dict(tally.statuses),
        "not_delivered": tally.failures,
        "postponed": tally.postponed,
        "targets": [
            {
                "name": name,
                "statuses": dict(tally.by_target.get(name, {})),
                "problem": tally.problems.get(name),
                "paused": tally.paused.get(name),
            }
            for name in names
        ],
        "receipts": {
            "confirmed": fetched.confirmed,
            "failed": fetched.failed,
            "awaited": fetched.awaited,
            "given_up": fetched.given_up,
            "problems": fetched.problems,
        },
        "causes": [
            {"target": each.target, "cause": each.text, "notifications": each.notifications}
            for each in tally.most_frequent_causes()
        ],
    }
