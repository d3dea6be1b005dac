"""The words for a category and for a person's word in the admin."""

from typing import Any

from ..categories import find_category
from ..models import Preference


def category_label(key: str) -> Any:
    """Return the label of a category, or the key of a category that is known no more.

    Args:
        key: The category's key; empty for none.
    """
    category = find_category(key)
    return key if category is None else category.label


def state_label(state: str) -> Any:
    """Return the label of a person's word, such as "Yes"; a dash where nothing was said.

    Args:
        state: A value of ``Preference.State``, or an empty text.
    """
    return Preference.State(state).label if state in Preference.State.values else state or "-"
