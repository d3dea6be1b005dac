"""The rule: whether a person's words let a message of a category through to a target. No database.

*No wins.* A no stops a message wherever the no stands: at the category in the target, at the
category, at the target, or in ``NotificationOptOut``, which is for everything. Where the category
needs a yes for the target, a yes must stand at the category, in the target or in all targets. A
mandatory category passes every word.
"""

from collections.abc import Mapping

from ..categories import Category
from ..models import Preference

YES, NO, PENDING = Preference.State.YES, Preference.State.NO, Preference.State.PENDING

#: One person's words, by the keys of category and target; an empty key stands for all.
States = Mapping[tuple[str, str], str]

OPTED_OUT = "opted out"


def refusal(category: Category, target_key: str, states: States, *, opted_out: bool = False) -> str:
    """Return why a message is not sent, such as "opted out of news by email"; empty: it is sent.

    Args:
        category: The message's category.
        target_key: The key of the message's target.
        states: The person's words; words on other categories and targets do no harm.
        opted_out: Whether the person has an active ``NotificationOptOut``.
    """
    if category.mandatory:
        return ""
    if opted_out:
        return OPTED_OUT
    scopes = ((category.key, target_key), (category.key, ""), ("", target_key))
    for scope in scopes:
        if states.get(scope) == NO:
            return opted_out_of(*scope)
    if not category.needs_yes(target_key):
        return ""
    said = {states.get(scope) for scope in scopes[:2]}
    if YES in said:
        return ""
    return f"{'not confirmed' if PENDING in said else 'not agreed to'} {named(*scopes[0])}"


def opted_out_of(category: str, target_key: str) -> str:
    """Return the words for a no, such as "opted out of news by email".

    Args:
        category: The category's key; empty: all categories.
        target_key: The target's key; empty: all targets.
    """
    return f"{OPTED_OUT} of {named(category, target_key)}"


def named(category: str, target_key: str) -> str:
    """Return the words for a category in a target, such as "news by email".

    Args:
        category: The category's key; empty: all categories.
        target_key: The target's key; empty: all targets.
    """
    if not category:
        return target_key or "everything"
    return f"{category} by {target_key}" if target_key else category


def response_to(refused: str) -> str:
    """Return the ``response`` of a notification stopped by a person's word.

    Args:
        refused: The words of :func:`refusal`.
    """
    return f"Not sent: the user has {refused}."
