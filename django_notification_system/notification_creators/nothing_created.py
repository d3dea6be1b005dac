"""The reason why a call created no notification, and the next step."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..exceptions import NotificationsNotCreated, UserHasNoTargetRecords, UserIsOptedOut
from ..models import Notification, NotificationTarget, TargetUserRecord
from ..preferences.lookup import Refusal
from ..targets import known_description
from .created import MOST_KEYS, Created

#: A record's ``inactive_reason`` after a text STOP, and after the provider's word of a STOP before.
SAID_NO_AT_THE_PROVIDER = ("STOP", "opted out")


@dataclass
class Tally:
    """The counts of one call.

    Attributes:
        users: How many users were to be notified.
        last_user: The last user's key.
        opted_out: How many users have opted out, counted while nobody was reached.
        refused: How many others do not want the category or have a suppressed address, likewise.
        refusal: Why one of them is not notified.
        reached: Whether any user could be notified, or was notified before.
        inserted: How many notifications and items of the inbox were inserted.
        items: How many items of the inbox were inserted.
        keys: The keys of the inserted notifications; ``None`` for too many, and for unknown keys.
    """

    users: int = 0
    last_user: Any = None
    opted_out: int = 0
    refused: int = 0
    refusal: Refusal | None = None
    reached: bool = False
    inserted: int = 0
    items: int = 0
    keys: list[UUID] | None = field(default_factory=list)

    def add(self, keys: Sequence[UUID]) -> None:
        """Count inserted notifications, and remember their keys where they are few.

        Args:
            keys: The keys of the notifications.
        """
        self.inserted += len(keys)
        if self.keys is not None:
            is_few = self.inserted - self.items <= MOST_KEYS
            self.keys = [*self.keys, *keys] if is_few else None

    def add_items(self, number: int) -> None:
        """Count new items of the inbox.

        Args:
            number: How many items.
        """
        self.inserted += number
        self.items += number

    def refuse(self, refusals: Collection[Refusal]) -> None:
        """Count users or addresses that a preference or a suppression keeps out.

        Args:
            refusals: Why, for each of them.
        """
        self.refused += len(refusals)
        self.refusal = next(iter(refusals), self.refusal)

    def add_unnamed(self, number: int) -> None:
        """Count notifications that a creator of the project's own has made.

        Args:
            number: How many notifications.
        """
        self.inserted += number
        if number:
            self.keys = None

    def created(self) -> Created:
        """Return the answer for the caller."""
        keys = None if self.keys is None else tuple(self.keys)
        return Created(self.inserted, keys, items=self.items)


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
        if tally.refusal is not None:
            return _refused(user, tally.refusal)
        said = _("User has no active targets: %(user)s has no active record in %(targets)s.")
        next_step = _how_to_return(tally.last_user, targets, using) or add_records
        return UserHasNoTargetRecords(f"{said % {'user': user, 'targets': names}} {next_step}")
    if tally.opted_out == tally.users:
        said = _("All %d users have opted out.") % tally.users
        return UserIsOptedOut(f"{said} {_how_to_opt_in()}")
    declined = tally.opted_out + tally.refused
    if declined == tally.users:
        said = _("All %d users have opted out or do not want the category.") % tally.users
        return UserIsOptedOut(f"{said} {_how_to_see_preferences()}")
    if declined == 0:
        said = _("None of the %(count)d users has an active record in %(targets)s.")
        return UserHasNoTargetRecords(
            f"{said % {'count': tally.users, 'targets': names}} {add_records}"
        )
    said = _(
        "Of %(count)d users %(opted_out)d have opted out and the others have no active record in"
        " %(targets)s."
    ) % {"count": tally.users, "opted_out": declined, "targets": names}
    return NotificationsNotCreated(f"{said} {add_records}")


def nothing_created_for_addresses(
    tally: Tally, target: NotificationTarget
) -> NotificationsNotCreated:
    """Return the error that says why a call with addresses created no notification.

    Args:
        tally: The call's counts; its users are addresses.
        target: The target.
    """
    if tally.reached:
        return NotificationsNotCreated(_("No notification was created: each exists already."))
    if tally.users == 0:
        return NotificationsNotCreated(_("There are no addresses to notify."))
    if tally.refusal is not None:
        said = _("The addresses are switched off or not to be written to (%s).")
        return NotificationsNotCreated(f"{said % tally.refusal.reason} {_how_to_lift()}")
    said = ngettext(
        "The record of the address is switched off in %(target)s.",
        "The records of all %(count)d addresses are switched off in %(target)s.",
        tally.users,
    ) % {"count": tally.users, "target": target.name}
    how = _("Switch a record on in the admin under “User Targets”, if its address works again.")
    return NotificationsNotCreated(f"{said} {how}")


def _how_to_return(user: Any, targets: Sequence[NotificationTarget], using: str) -> str:
    """Return how a user who said no at the provider returns, if in no target a record helps."""
    described = [known_description(each.notification_module_name) for each in targets]
    ways = {"" if each is None else each.how_to_return for each in described}
    if len(ways) != 1 or not (way := ways.pop()):
        return ""
    records = TargetUserRecord.objects.using(using).filter(user_id=user, target__in=targets)
    has_said_no = records.filter(active=False, inactive_reason__in=SAID_NO_AT_THE_PROVIDER).exists()
    return _(way) if has_said_no else ""


def _refused(user: str, refusal: Refusal) -> UserIsOptedOut | UserHasNoTargetRecords:
    said = _("No notification was created for %(user)s: %(reason)s.") % {
        "user": user,
        "reason": refusal.reason,
    }
    if refusal.status == Notification.OPTED_OUT:
        return UserIsOptedOut(f"{said} {_how_to_see_preferences()}")
    return UserHasNoTargetRecords(f"{said} {_how_to_lift()}")


def _how_to_lift() -> str:
    return _("preferences.unsuppress() lifts the suppression of an address.")


def opted_out(user: str) -> str:
    """Return the sentence for people about a user who has opted out.

    Args:
        user: The user's name, as ``user_name()`` returns it.
    """
    said = _("User is opted out: %s wants no notifications.") % user
    return f"{said} {_how_to_opt_in()}"


def user_name(user: Any) -> str:
    """Return a user's name, quoted, so that no character steers a terminal.

    Args:
        user: The user.
    """
    return repr(str(user.get_username()))


def _name_of_user(key: Any, using: str) -> str:
    user = get_user_model()._base_manager.using(using).filter(pk=key).first()
    return repr(key) if user is None else user_name(user)


def _how_to_opt_in() -> str:
    return _(
        "To notify again, delete the opt-out or take its tick away, in the admin under"
        " “Notification opt-outs”."
    )


def _how_to_see_preferences() -> str:
    return _("preferences.effective(user) says what a user wants.")


def _how_to_add_records(targets: Sequence[NotificationTarget]) -> str:
    names = dict.fromkeys(target.notification_module_name for target in targets)
    described = [each for each in map(known_description, names) if each is not None]
    if names and all(each.address_in_details for each in described) and described:
        # The admin has no field for details.
        said = [_("Switch a record on in the admin under “User Targets”, or have one made.")]
    else:
        said = [_("Add a record, or switch one on, in the admin under “User Targets”.")]
    said += [_(each.how_to_add_records) for each in described if each.how_to_add_records]
    return " ".join(said)
