"""Texts about notifications that a run leaves for later."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from ...delivery.claims.due import next_of_targets
from ...models import Notification, NotificationTarget


def nothing_is_due(targets: Sequence[NotificationTarget], *, using: str) -> str:
    """Return a line about nothing being due, with the next due time of each target.

    The query reads one row of an index for each target and status, however many rows wait.

    Args:
        targets: The run's targets.
        using: The alias of the notifications' database.
    """
    found = dict(next_of_targets(timezone.now(), targets, using=using))
    said = [_next_of(target.name, found[target.pk]) for target in targets if target.pk in found]
    if not said:
        return _("Nothing is due, and nothing waits.")
    return _("Nothing is due. What waits: %s.") % ", ".join(said)


def tried_again(moments: Sequence[datetime]) -> str:
    """Return the words about the time of the next tries.

    Args:
        moments: The times of the next tries, in any order; at least one.
    """
    first = local(min(moments))
    if len(set(moments)) == 1:
        return _("tried again at %s") % first
    return _("tried again from %s on") % first


def local(moment: datetime, *, now: datetime | None = None) -> str:
    """Return a moment by the project's clock: the time, with the date unless the date is today.

    Args:
        moment: The moment.
        now: What to take for now.
    """
    moment, now = _by_project_clock(moment), _by_project_clock(now or timezone.now())
    same_day = moment.date() == now.date()
    return moment.strftime("%H:%M" if same_day else "%Y-%m-%d %H:%M")


def _next_of(name: str, by_status: dict[str, datetime]) -> str:
    first = min(by_status.values())
    values = {"target": name, "moment": local(first)}
    if by_status.get(Notification.RETRY) == first:
        return _("%(target)s is tried again at %(moment)s") % values
    return _("%(target)s is due at %(moment)s") % values


def _by_project_clock(moment: datetime) -> datetime:
    if timezone.is_naive(moment):
        return moment
    return moment.astimezone(ZoneInfo(settings.TIME_ZONE))
