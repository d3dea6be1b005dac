"""Questions to the database about many people at once, each with one query.

Notifications without a category ask nothing.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import CharField, F, QuerySet, Value

from ..categories import Category, category_of
from ..models import Notification, NotificationTarget, Preference, Suppression
from ..models.reserved import is_queued_mail
from ..targets import target_key
from .addresses import hasher_where_delivered
from .queued_recipients import addresses_of, is_unread_mail
from .rule import States, refusal, response_to


@dataclass(frozen=True)
class Refusal:
    """Why a notification must not be sent.

    Attributes:
        status: The notification's status then.
        reason: The reason in short, such as "opted out of news by email".
        response: The line for people.
    """

    status: str
    reason: str
    response: str


def refusals(
    notifications: Iterable[Notification],
    target: NotificationTarget,
    *,
    using: str,
) -> dict[uuid.UUID, Refusal]:
    """Return the refused notifications by key, with at most one query.

    A queued mail is refused where all of its recipients are suppressed. Where some are, the mail's
    ``suppressed_recipients`` names them, and the handler leaves them out.

    Args:
        notifications: Notifications of one target, with their records loaded.
        target: The target.
        using: The database's alias.
    """
    marked = [notification for notification in notifications if notification.category]
    if not marked:
        return {}
    key = target_key(target.notification_module_name)
    asked = _of_users(marked)
    hashed = hasher_where_delivered(key)
    # Without a hasher, this process cannot deliver to the target either.
    hashes = (
        {each.pk: {address: hashed(address) for address in addresses_of(each)} for each in marked}
        if hashed
        else {}
    )
    words = _preferences(
        {user_id for _, user_id, _ in asked}, {each.key for _, _, each in asked}, [key], using=using
    )
    suppressions = _suppressions(
        set().union(*(each.values() for each in hashes.values())),
        {each.category for each in marked},
        [key],
        using=using,
    )
    states, reasons = _read(words if asked else None, suppressions if hashes else None)
    found = {
        notification.pk: refusal_of_user(refused)
        for notification, user_id, category in asked
        if (refused := refusal(category, key, states.get(user_id, {})))
    }
    if not hashes:
        return found
    return {
        notification.pk: refused_address
        for notification in marked
        if (refused_address := _of_addresses(notification, hashes[notification.pk], reasons))
    } | found


def _of_addresses(
    notification: Notification, hashes: Mapping[str, str], reasons: Mapping[tuple[str, str], str]
) -> Refusal | None:
    """Return the refusal where all addresses are suppressed; else note those that are.

    Args:
        notification: The notification.
        hashes: The hashes of its addresses, by address.
        reasons: See :func:`reasons_of`.
    """
    found = {
        address: reason
        for address, hashed in hashes.items()
        if (reason := reason_among(reasons, hashed, notification.category))
    }
    if len(found) == len(hashes) and not _may_have_more(notification):
        return refusal_of_address(next(iter(found.values())))
    notification.suppressed_recipients = frozenset(found)
    return None


def _may_have_more(notification: Notification) -> bool:
    """Return whether a mail's other recipients are known only once its texts are read."""
    return is_unread_mail(notification) and is_queued_mail(notification)


def states_of(
    user_ids: Collection[Any],
    categories: Iterable[str],
    target_keys: Iterable[str],
    *,
    using: str,
) -> Mapping[Any, States]:
    """Return the words of many people on some categories and targets, by the user's key.

    Args:
        user_ids: The users' keys.
        categories: The keys of the categories; words on all categories are always read.
        target_keys: The keys of the targets; words on all targets are always read.
        using: The database's alias.
    """
    states, _ = _read(_preferences(user_ids, categories, target_keys, using=using), None)
    return states


def reasons_of(
    hashes: Collection[str], categories: Iterable[str], target_keys: Iterable[str], *, using: str
) -> dict[tuple[str, str], str]:
    """Return why addresses are suppressed, by hash and category; an empty category: all.

    Args:
        hashes: The hashes of the addresses.
        categories: The keys of the categories; suppressions for all categories are always read.
        target_keys: The keys of the targets.
        using: The database's alias.
    """
    _, reasons = _read(None, _suppressions(hashes, categories, target_keys, using=using))
    return reasons


def _preferences(
    user_ids: Collection[Any],
    categories: Iterable[str],
    target_keys: Iterable[str],
    *,
    using: str,
) -> QuerySet[Preference]:
    return Preference.objects.using(using).filter(
        user__in=user_ids,
        category__in=sorted({"", *categories}),
        target_key__in=sorted({"", *target_keys}),
    )


def _suppressions(
    hashes: Collection[str], categories: Iterable[str], target_keys: Iterable[str], *, using: str
) -> QuerySet[Suppression]:
    return Suppression.objects.using(using).filter(
        target_key__in=sorted(set(target_keys)),
        address_hash__in=hashes,
        category__in=sorted({"", *categories}),
    )


def _read(
    preferences: QuerySet[Preference] | None, suppressions: QuerySet[Suppression] | None
) -> tuple[Mapping[Any, States], dict[tuple[str, str], str]]:
    """Read words by user, and reasons by hash and category: with one query for both."""
    parts: list[Any] = []
    # One shape for both tables: the user, the hash, and what is said of which category and target.
    if preferences is not None:
        rows = preferences.annotate(hashed=Value("", output_field=CharField()))
        parts.append(rows.values_list("user", "hashed", "category", "target_key", "state"))
    if suppressions is not None:
        user = Value(None, output_field=get_user_model()._meta.pk)
        suppressed = suppressions.annotate(user=user, hashed=F("address_hash"), state=F("reason"))
        parts.append(suppressed.values_list("user", "hashed", "category", "target_key", "state"))
    states: defaultdict[Any, dict[tuple[str, str], str]] = defaultdict(dict)
    reasons: dict[tuple[str, str], str] = {}
    if not parts:
        return states, reasons
    for user_id, hashed, category, key, state in parts[0].union(*parts[1:], all=True):
        if hashed:
            reasons[hashed, category] = state
        else:
            states[user_id][category, key] = state
    return states, reasons


def _of_users(
    notifications: Sequence[Notification],
) -> list[tuple[Notification, Any, Category]]:
    """Return the notifications about which a user decides, each with user's key and category."""
    return [
        (notification, notification.target_user_record.user_id, category)
        for notification in notifications
        if not (category := category_of(notification.category)).mandatory
        # Nobody decides for an address without a user.
        and notification.target_user_record.user_id is not None
    ]


def reason_among(reasons: Mapping[tuple[str, str], str], hashed: str, category: str) -> str | None:
    """Return why an address is suppressed for a category, or ``None``.

    Args:
        reasons: As :func:`reasons_of` returns them.
        hashed: The hash of the address.
        category: The key of the category.
    """
    return reasons.get((hashed, "")) or reasons.get((hashed, category))


def refusal_of_user(said: str) -> Refusal:
    """Return the refusal of a notification that its user does not want.

    Args:
        said: The words of the rule, such as "opted out of news by email".
    """
    return Refusal(Notification.OPTED_OUT, said, response_to(said))


def refusal_of_address(reason: str) -> Refusal:
    """Return the refusal of a notification to a suppressed address.

    Args:
        reason: The suppression's reason.
    """
    status = (
        Notification.OPTED_OUT if reason in Suppression.WISHES else Notification.INACTIVE_DEVICE
    )
    said = f"suppressed: {reason}"
    return Refusal(status, said, f"Not sent: the address is {said}.")
