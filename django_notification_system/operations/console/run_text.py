"""A run's report as text for people."""

from collections import Counter

from django.utils.translation import gettext as _

from ...delivery.receipts.fetch import Fetched
from ...delivery.runs.report import Report
from ...models import Notification
from ...models.reserved import is_queued_mail
from .tally import Tally
from .text_table import table
from .waiting import tried_again

SEPARATOR = "*" * 33
LABELS = dict(Notification.STATUS_CHOICES)


def block(report: Report) -> str:
    """Return the printed block of one notification.

    Args:
        report: The run's report.
    """
    notification = report.notification
    name = notification.target_user_record.recipient_name
    due = report.scheduled_delivery.replace(microsecond=0)
    return (
        f"{name} - {due} - {report.status_before}\n"
        f"{notification.title} - {_body(notification)}\n"
        f"{report.response}\n"
        f"{SEPARATOR}"
    )


def _body(notification: Notification) -> str:
    """Return the body, or a mark for a queued mail: its text may be a secret, such as a link.

    The body of a notification of a type is empty in the database, and here.
    """
    if notification.rendered is not None:
        return ""
    return "…" if is_queued_mail(notification) else notification.body


def closing_line(tally: Tally, *, dry_run: bool) -> str:
    """Return the line with the sums of a run.

    Args:
        tally: The run's counts.
        dry_run: Whether nothing was delivered.
    """
    statuses = tally.statuses
    if not statuses and not tally.postponed:
        return _("Nothing is due.")
    parts = [f"{count} {LABELS.get(status, status)}" for status, count in statuses.most_common()]
    if tally.postponed:
        parts.append(_("%d postponed") % tally.postponed)
    counts = ", ".join(parts)
    if dry_run:
        return _("Would attempt: %s") % counts
    return f"{counts}; {tried_again([*tally.retries])}" if tally.retries else counts


def closing_details(tally: Tally) -> str:
    """Return a table of targets and statuses, and why most were not delivered.

    Args:
        tally: The run's counts.
    """
    parts = []
    if by_target := _by_target(tally):
        parts.append(by_target)
    if causes := tally.most_frequent_causes():
        rows = [(str(each.notifications), each.target, each.text) for each in causes]
        parts.append(f"{_('Why they were not delivered')}\n{table(rows, right=frozenset({0}))}")
    return "\n\n".join(parts)


def receipts_line(fetched: Fetched, verbosity: int) -> str:
    """Return the line with the sums of providers' receipts, or an empty text.

    Args:
        fetched: The fetched receipts.
        verbosity: The command's verbosity, from 0 to 3.
    """
    awaited = fetched.awaited if verbosity >= 2 else 0
    if not verbosity or not (fetched.confirmed or fetched.failed or awaited or fetched.given_up):
        return ""
    parts = [_("%d confirmed") % fetched.confirmed, _("%d failed") % fetched.failed]
    if verbosity >= 2:
        parts.append(_("%d awaited") % awaited)
    if fetched.given_up:
        parts.append(_("%d given up") % fetched.given_up)
    return _("Receipts: %s.") % ", ".join(parts)


def _by_target(tally: Tally) -> str:
    names = sorted({*tally.by_target, *tally.paused})
    if not names:
        return ""
    present = tally.statuses
    statuses = [status for status in LABELS if present[status]]
    header = [_("Target"), *(str(LABELS[status]) for status in statuses), ""]
    rows = []
    for name in names:
        counts = tally.by_target.get(name, Counter())
        note = _("paused") if name in tally.paused else ""
        rows.append([name, *(str(counts[status]) for status in statuses), note])
    return table([header, *rows], right=frozenset(range(1, len(statuses) + 1)))
