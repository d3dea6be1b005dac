"""The beginning of a notification's page: the status, the reason, and the next step."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from ..categories import category_of
from ..delivery.claims.pause import is_paused
from ..delivery.receipts.due import NO_RECEIPT
from ..models import Notification
from ..models.expressions import DatabaseNow
from .listing.notification_list import badge
from .moments import full, short
from .recipient import recipient_and_address

#: Why nothing more happens, by status.
ENDS: Mapping[str, Any] = {
    Notification.CANCELLED: gettext_lazy(
        "A person, or the project, has called the notification off."
    ),
    Notification.DELIVERED: gettext_lazy("The provider took the message."),
    Notification.DELIVERY_FAILURE: gettext_lazy("The delivery failed. No further attempt is made."),
    Notification.EXPIRED: gettext_lazy("The notification expired before it could be sent."),
    Notification.INACTIVE_DEVICE: gettext_lazy(
        "The record is inactive, or the provider said that its address will never work."
    ),
    Notification.OPTED_OUT: gettext_lazy("The user had opted out."),
}


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A notification's state.

    Attributes:
        status: The status as a badge.
        reason: The reason of the status, in a sentence.
        facts: The known facts, with their labels.
    """

    status: SafeString
    reason: str
    facts: list[tuple[str, Any]]


def summary_of(notification: Notification, now: datetime) -> Summary:
    """Return the summary.

    Args:
        notification: The notification, with its record, target and user loaded.
        now: The present.
    """
    is_claimed = _is_claimed(notification)
    return Summary(
        status=badge(notification),
        reason=_reason(notification, now, is_claimed=is_claimed),
        facts=list(_facts(notification, now, is_claimed=is_claimed)),
    )


def _reason(notification: Notification, now: datetime, *, is_claimed: bool) -> str:
    if notification.status == Notification.DELIVERED and notification.confirmed_at:
        return _("The provider confirmed that the message arrived.")
    if notification.status in ENDS:
        return str(ENDS[notification.status])
    if is_claimed:
        return _("A run is delivering the notification, or is about to.")
    target = notification.target_user_record.target
    if target.paused_until and is_paused(target):
        until = {"name": target.name, "until": full(target.paused_until)}
        return _("%(name)s is paused until %(until)s.") % until
    if notification.status == Notification.RETRY:
        return _("The last attempt failed. Another one follows.")
    if notification.scheduled_delivery > now:
        return _("The notification waits for its time.")
    return _("The notification is due. The next run delivers it.")


def _facts(
    notification: Notification, now: datetime, *, is_claimed: bool
) -> Iterator[tuple[str, Any]]:
    yield pgettext("recipient", "To"), recipient_and_address(notification)
    if notification.category:
        yield _("Category"), category_of(notification.category).label
    if notification.response:
        yield _("Last response"), notification.response
    if notification.attempted_delivery:
        yield _("Attempted"), short(notification.attempted_delivery, now)
    yield _due_label(notification), short(notification.scheduled_delivery, now)
    if notification.status in Notification.PENDING_STATUSES and notification.expires_at:
        yield _("Expires"), short(notification.expires_at, now)
    if notification.retry_attempts:
        yield _("Failed attempts"), _of_max(notification)
    if interruptions := _interruptions(notification, is_claimed=is_claimed):
        yield _("Interruptions"), interruptions
    if notification.confirmed_at:
        yield _("Confirmed"), short(notification.confirmed_at, now)
    if notification.provider_status:
        yield _("Provider's status"), _provider_status(notification)


def _due_label(notification: Notification) -> str:
    return _("Next attempt") if notification.status == Notification.RETRY else _("Due")


def _provider_status(notification: Notification) -> str:
    """Return the provider's word, or a sentence for the app's own word."""
    if notification.provider_status == NO_RECEIPT:
        return _("No receipt came, and the provider is not asked again.")
    return str(notification.provider_status)


def _of_max(notification: Notification) -> str:
    numbers = {"failed": notification.retry_attempts, "most": notification.max_retries}
    return _("%(failed)s of at most %(most)s") % numbers


def _interruptions(notification: Notification, *, is_claimed: bool) -> str:
    """Return the number of interrupted runs, without the run at work now, as a text."""
    number = notification.interruptions - is_claimed
    if number < 1:
        return ""
    return ngettext(
        "%(number)s run took the notification and ended before it recorded an outcome.",
        "%(number)s runs took the notification and ended before they recorded an outcome.",
        number,
    ) % {"number": number}


def _is_claimed(notification: Notification) -> bool:
    """Return whether a run holds the notification, by the clock that runs claim by."""
    if notification.claimed_until is None:
        return False
    rows = Notification.objects.using(notification._state.db).filter(pk=notification.pk)
    return rows.filter(claimed_until__gte=DatabaseNow()).exists()
