"""Pause a target whose provider cannot be reached, for all runs and hosts at once."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connections, router
from django.utils import timezone
from django.utils.translation import gettext as _

from ...database import patiently
from ...models import NotificationTarget
from ...models.expressions import DatabaseNow
from ...storable import storable

REASON_MAX_LENGTH: int = NotificationTarget._meta.get_field("pause_reason").max_length or 0


def pause(
    target: NotificationTarget, seconds: float, *, reason: str, using: str, is_busy: bool = False
) -> str:
    """Pause a target, and return a sentence for people.

    When the pause is over, the first run tries a single notification before the others.

    Args:
        target: The target.
        seconds: For how long.
        reason: The reason, for people.
        using: The database's alias.
        is_busy: Whether the provider answers, but asks for a pause.
    """
    until = _now(target, using=using) + timedelta(seconds=seconds)
    reason = storable(reason, REASON_MAX_LENGTH)
    rows = NotificationTarget.objects.using(using).filter(pk=target.pk)
    patiently(lambda: rows.update(paused_until=until, pause_reason=reason), using=using)
    if is_busy:
        said = _(
            "The provider of target %(target)r wants no more for now, so the target is paused until"
            " %(until)s. What is due waits. (%(reason)s)"
        )
        return said % {"target": target.name, "until": shown(until), "reason": reason}
    return _(
        "The provider of target %(target)r cannot be reached or does not answer, so the target is"
        " paused until %(until)s. What is due waits. (%(reason)s)"
    ) % {"target": target.name, "until": shown(until), "reason": reason}


def resume(target: NotificationTarget, *, using: str) -> None:
    """End a pause that is over, now that the provider has answered.

    Args:
        target: The target.
        using: The database's alias.
    """
    rows = NotificationTarget.objects.using(using).filter(
        pk=target.pk, paused_until=target.paused_until
    )
    patiently(lambda: rows.update(paused_until=None, pause_reason=""), using=using)


def is_paused(target: NotificationTarget, *, at: datetime | None = None) -> bool:
    """Return whether a target is paused.

    Args:
        target: The target.
        at: The moment in question, such as a report's own. By default now, by the database's clock,
            which is asked only for a target with a pause.
    """
    if target.paused_until is None:
        return False
    if at is None:
        at = _now(target, using=target._state.db or router.db_for_read(NotificationTarget))
    return target.paused_until > at


def pause_of(target: NotificationTarget, *, using: str) -> timedelta | None:
    """Return how long a target's pause lasts from now on, as the database has both.

    Args:
        target: The target, perhaps read long ago.
        using: The database's alias.

    Returns:
        The rest, below zero for a pause that is over; ``None`` without a pause.
    """
    rows = NotificationTarget.objects.using(using).filter(pk=target.pk)
    until = patiently(rows.values_list("paused_until", flat=True).first, using=using)
    return None if until is None else until - _now(target, using=using)


def _now(target: NotificationTarget, *, using: str) -> datetime:
    """Return the moment by the database's clock, shared by all hosts, in the project's own form.

    Where the target has just been deleted, the host's clock is used.
    """
    rows = NotificationTarget.objects.using(using).filter(pk=target.pk)
    moment: datetime | None = patiently(
        rows.values_list(DatabaseNow(), flat=True).first, using=using
    )
    if moment is None:
        return timezone.now()
    if settings.USE_TZ or connections[using].vendor == "postgresql":
        return moment
    # In these databases the clock is UTC, and moments are without a zone, as in the project.
    return timezone.make_naive(moment.replace(tzinfo=UTC))


def explained(target: NotificationTarget) -> str:
    """Return a sentence for people about a paused target.

    Args:
        target: The target.
    """
    said = _("Target %(target)r is paused until %(until)s.") % {
        "target": target.name,
        "until": shown(target.paused_until),
    }
    return f"{said} ({target.pause_reason})" if target.pause_reason else said


def shown(moment: datetime | None) -> str:
    """Return a moment as shown in the sentences, without fractions of a second.

    Args:
        moment: The moment; ``None``: no moment is known.
    """
    return "" if moment is None else str(moment.replace(microsecond=0))
