"""The reason why a call created no notification, and the next step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.utils.translation import gettext as _

from ..exceptions import NotificationsNotCreated, UserHasNoTargetRecords, UserIsOptedOut
from ..models import NotificationTarget


@dataclass
class Tally:
    """The counts of one call.

    Attributes:
        users: How many users were to be notified.
        last_user: The last user's key.
        opted_out: How many users have opted out, counted while nobody was reached.
        reached: Whether any user could be notified, or was notified before.
        inserted: How many notifications were inserted.
    """

    users: int = 0
    last_user: Any = None
    opted_out: int = 0
    reached: bool = False
    inserted: int = 0


def nothing_created(
    tally: Tally, targets: Sequence[NotificationTarget], *, using: str
) -> NotificationsNotCreated | UserIsOptedOut | UserHasNoTargetRecords:
    """Return the error that says why a call created no notification.

    Args:
        tally: The call's counts.
        targets: The chosen targets.
        using: The database's alias.
    """
    if tally.reached:
        return NotificationsNotCreated(
            "No notification was created: each exists already, or its target's creator made none."
        )
    if tally.users == 0:
        return NotificationsNotCreated("There are no users to notify.")
    names = ", ".join(target.name for target in targets) or _("any target")
    add_records = _how_to_add_records(targets)
    if tally.users == 1:
        user = _name_of_user(tally.last_user, using)
        if tally.opted_out:
            return UserIsOptedOut(opted_out(user))
        said = _("User has no active targets: %(user)s has no active record in %(targets)s.")
        return UserHasNoTargetRecords(f"{said % {'user': user, 'targets': names}} {add_records}")
    if tally.opted_out == tally.users:
        said = _("All %d users have opted out.") % tally.users
        return UserIsOptedOut(f"{said} {_how_to_opt_in()}")
    if tally.opted_out == 0:
        said = _("None of the %(count)d users has an active record in %(targets)s.")
        return UserHasNoTargetRecords(
            f"{said % {'count': tally.users, 'targets': names}} {add_records}"
        )
    said = _(
        "Of %(count)d users %(opted_out)d have opted out and the others have no active record in"
        " %(targets)s."
    ) % {"count": tally.users, "opted_out": tally.opted_out, "targets": names}
    return NotificationsNotCreated(f"{said} {add_records}")


def opted_out(user: str) -> str:
    """Return the sentence for people about a user who has opted out.

    Args:
        user: The user's name, as ``user_name()`` returns it.
    """
    said = _("User is opted out: %s wants no notifications.") % user
    return f"{said} {_how_to_opt_in()}"


def user_name(user: Any) -> str:
    """Return a user's name, quoted, so that no character steers a terminal."""
    return repr(str(user.get_username()))


def _name_of_user(key: Any, using: str) -> str:
    user = get_user_model()._base_manager.using(using).filter(pk=key).first()
    return repr(key) if user is None else user_name(user)


def _how_to_opt_in() -> str:
    return _(
        "To notify again, delete the opt-out or take its tick away, in the admin under"
        " “Notification opt-outs”."
    )


def _how_to_add_records(targets: Sequence[NotificationTarget]) -> str:
    said = _("Add a record, or switch one on, in the admin under “User Targets”.")
    if any(target.notification_module_name == "email" for target in targets):
        said += " " + _("The command create_email_target_user_records adds those for email.")
    return said
