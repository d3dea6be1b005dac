"""Questions about one person: is a message wanted, and which are?"""

from typing import Any

from django.db import router

from ..categories import (
    Category,
    all_categories,
    find_category,
    named_target_keys,
    unknown_category,
)
from ..exceptions import InvalidPreference
from ..models import NotificationOptOut, NotificationTarget, Preference
from ..on_site import inbox_keys
from ..targets import built_in_keys, target_key
from .rule import States, refusal

#: Anything that names a target: the target, or its key in ``NOTIFICATION_SYSTEM_TARGETS``.
AnyTarget = str | NotificationTarget


def allows(user: Any, category: str | Category, target: AnyTarget) -> bool:
    """Tell whether a person's preferences let a category's messages through to a target.

    Suppressed addresses and switched-off records do not count here.

    Args:
        user: The user.
        category: The category, or its key.
        target: The target, or its key in ``NOTIFICATION_SYSTEM_TARGETS``, such as ``email``.

    Raises:
        InvalidPreference: When there is no such category or target.
    """
    known, using = known_category(category), router.db_for_read(Preference)
    key = known_target_key(target, using=using)
    return not refusal(
        known, key, states(user.pk, using=using), opted_out=has_opted_out(user.pk, using=using)
    )


def effective(user: Any) -> dict[str, dict[str, str]]:
    """Return what holds for a person: by category and target, why nothing is sent.

    An empty text says that messages are sent; otherwise the text is such as "opted out of news by
    email".

    Args:
        user: The user.
    """
    using = router.db_for_read(Preference)
    words, opted_out = states(user.pk, using=using), has_opted_out(user.pk, using=using)
    keys = sorted(target_keys(using))
    return {
        category.key: {key: refusal(category, key, words, opted_out=opted_out) for key in keys}
        for category in all_categories()
    }


def known_category(category: str | Category) -> Category:
    """Return a category that the project knows.

    Args:
        category: The category, or its key.

    Raises:
        InvalidPreference: When there is no such category.
    """
    key = category.key if isinstance(category, Category) else category
    known = find_category(key) if isinstance(key, str) else None
    if known is None:
        raise InvalidPreference(unknown_category(key), argument="category")
    return known


def target_keys(using: str) -> set[str]:
    """Return the keys of all targets, and of those that a category names.

    Args:
        using: The database's alias.
    """
    names = NotificationTarget.objects.using(using).values_list(
        "notification_module_name", flat=True
    )
    return {target_key(name) for name in names} | named_target_keys() | inbox_keys()


def known_target_key(target: AnyTarget, *, using: str) -> str:
    """Return the key of a target that exists.

    Args:
        target: The target, or its key.
        using: The database's alias.

    Raises:
        InvalidPreference: When there is no such target.
    """
    if isinstance(target, NotificationTarget):
        return target_key(target.notification_module_name)
    if isinstance(target, str) and target in built_in_keys() | named_target_keys() | inbox_keys():
        return target
    keys = target_keys(using)
    if target not in keys:
        raise InvalidPreference(
            f"target is {target!r}, and no target has this key. Known are the keys"
            f" {', '.join(sorted(keys))}.",
            argument="target",
        )
    return target


def states(user_id: Any, *, using: str) -> States:
    """Return all that a person has decided.

    Args:
        user_id: The user's key.
        using: The database's alias.
    """
    rows = Preference.objects.using(using).filter(user=user_id)
    return {
        (category, key): state
        for category, key, state in rows.values_list("category", "target_key", "state")
    }


def has_opted_out(user_id: Any, *, using: str) -> bool:
    """Tell whether a person has an active opt-out from everything.

    Args:
        user_id: The user's key.
        using: The database's alias.
    """
    return NotificationOptOut.objects.using(using).filter(user=user_id, active=True).exists()
