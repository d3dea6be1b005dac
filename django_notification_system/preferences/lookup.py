"""Questions to the database about many people at once, each with one query.

Notifications without a category ask nothing.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..categories import category_of
from ..models import Notification, NotificationTarget, Preference, Suppression
from ..targets import target_key
from .addresses import hasher
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
    with_addresses: bool = True,
) -> dict[uuid.UUID, Refusal]:
    """Return the refused notifications by key, with at most two queries.

    Args:
        notifications: Notifications of one target, with their records loaded.
        target: The target.
        using: The database's alias.
        with_addresses: Whether to ask for suppressions too.
    """
    marked = [notification for notification in notifications if notification.category]
    if not marked:
        return {}
    key = target_key(target.notification_module_name)
    found = _unwanted(marked, key, using=using)
    if with_addresses:
        rest = [notification for notification in marked if notification.pk not in found]
        found |= _suppressed(rest, key, using=using)
    return found


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
    rows = Preference.objects.using(using).filter(
        user__in=user_ids,
        category__in=sorted({"", *categories}),
        target_key__in=sorted({"", *target_keys}),
    )
    states: defaultdict[Any, dict[tuple[str, str], str]] = defaultdict(dict)
    for user_id, category, key, state in rows.values_list(
        "user", "category", "target_key", "state"
    ):
        states[user_id][category, key] = state
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
    rows = Suppression.objects.using(using).filter(
        target_key__in=sorted(set(target_keys)),
        address_hash__in=hashes,
        category__in=sorted({"", *categories}),
    )
    return {
        (hashed, category): reason
        for hashed, category, reason in rows.values_list("address_hash", "category", "reason")
    }


def _unwanted(
    notifications: Sequence[Notification], key: str, *, using: str
) -> dict[uuid.UUID, Refusal]:
    asked = [
        (notification, notification.target_user_record.user_id, category)
        for notification in notifications
        if not (category := category_of(notification.category)).mandatory
        # Nobody decides for an address without a user.
        and notification.target_user_record.user_id is not None
    ]
    if not asked:
        return {}
    user_ids = {user_id for _, user_id, _ in asked}
    categories = {category.key for _, _, category in asked}
    states = states_of(user_ids, categories, [key], using=using)
    return {
        notification.pk: refusal_of_user(refused)
        for notification, user_id, category in asked
        if (refused := refusal(category, key, states.get(user_id, {})))
    }


def _suppressed(
    notifications: Sequence[Notification], key: str, *, using: str
) -> dict[uuid.UUID, Refusal]:
    if not notifications:
        return {}
    hashed = hasher(key)
    hashes = {
        notification.pk: hashed(notification.target_user_record.target_user_id)
        for notification in notifications
    }
    categories = {notification.category for notification in notifications}
    reasons = reasons_of(set(hashes.values()), categories, [key], using=using)
    if not reasons:
        return {}
    return {
        notification.pk: refusal_of_address(reason)
        for notification in notifications
        if (reason := reason_among(reasons, hashes[notification.pk], notification.category))
    }


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
