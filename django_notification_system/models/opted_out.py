"""Whether an opt-out stops a notification: for a row in memory, and for rows in the database.

A notification of a mandatory category passes. Everybody who asks for opt-outs asks here.
"""

from typing import Any

from django.db.models import Q

from ..categories import heeds_opt_outs, mandatory_keys

#: The ``response`` of a notification that an opt-out stops.
OPTED_OUT_RESPONSE = "Not sent: the user has opted out."


def is_opted_out(user: Any, category: str = "") -> bool:
    """Tell whether a user has an active opt-out that a category heeds.

    Args:
        user: The user; ``None`` for an address without a user.
        category: The key of the notification's category.
    """
    opt_out = getattr(user, "notification_opt_out", None)
    return opt_out is not None and opt_out.active and heeds_opt_outs(category)


def opted_out_rows() -> Q:
    """Return the condition of notifications that an opt-out stops."""
    opted_out = Q(target_user_record__user__notification_opt_out__active=True)
    mandatory = mandatory_keys()
    return opted_out & ~Q(category__in=mandatory) if mandatory else opted_out
