"""Whose preferences a page shows, and how a word is stored: a user's, or a bare address's."""

from collections.abc import Mapping
from typing import Any, Protocol

from django.db import router

from ..categories import Category
from ..models import ConsentLog, NotificationTarget, Preference, Suppression, TargetUserRecord
from ..targets import target_key
from .addresses import address_hash
from .change import lift_no, set_preference
from .nothing_at_all import set_everything
from .questions import has_opted_out, states, target_keys
from .rule import NO, PENDING, YES
from .suppressions import suppress, unsuppress


class Owner(Protocol):
    """Whose preferences a page shows."""

    @property
    def targets(self) -> Mapping[str, str]:
        """The names of the targets that reach the owner, by the target's key."""

    @property
    def address(self) -> str:
        """The address for people, where the owner is one."""

    def wants(self, category: Category, key: str) -> bool:
        """Tell whether the owner's word on a category lets messages through to a target."""

    def awaits_confirmation(self, category: Category, key: str) -> bool:
        """Tell whether a yes to a category in a target must still be confirmed."""

    def wants_target(self, key: str) -> bool:
        """Tell whether no word is against a target as a whole."""

    def wants_anything(self) -> bool:
        """Tell whether the owner has not opted out of everything."""

    def set(self, category: Category | None, key: str, *, wanted: bool) -> None:
        """Store a word; without a category on the target, without both on everything."""


class UserOwner:
    """A user.

    Args:
        user: The user.
        how: The way by which words come, a value of ``ConsentLog.How``.
        by: The user who acts for the user, if any.
        ip: The IP address of the request.
    """

    address = ""

    def __init__(self, user: Any, *, how: str, by: Any = None, ip: str | None = None) -> None:
        using = router.db_for_write(Preference)
        self.targets = _names_of_targets(user, using)
        self._user, self._how, self._by, self._ip = user, how, by, ip
        self._words = states(user.pk, using=using)
        self._opted_out = has_opted_out(user.pk, using=using)
        self._all_keys = target_keys(using)

    def wants(self, category: Category, key: str) -> bool:
        """See ``Owner``."""
        said = {self._words.get(place) for place in ((category.key, key), (category.key, ""))}
        return NO not in said and (YES in said or not category.needs_yes(key))

    def awaits_confirmation(self, category: Category, key: str) -> bool:
        """See ``Owner``."""
        said = {self._words.get(place) for place in ((category.key, key), (category.key, ""))}
        return (
            category.confirm
            and PENDING in said
            and NO not in said
            and not self.wants(category, key)
        )

    def wants_target(self, key: str) -> bool:
        """See ``Owner``."""
        return self._words.get(("", key)) != NO

    def wants_anything(self) -> bool:
        """See ``Owner``."""
        return not self._opted_out

    def set(self, category: Category | None, key: str, *, wanted: bool) -> None:
        """See ``Owner``.

        A no to the category everywhere would win over a yes in one target. So the no is moved to
        all other targets.
        """
        if category is not None and wanted and self._words.get((category.key, "")) == NO:
            for other in sorted(self._all_keys - {key}):
                self._store(category, other, wanted=False)
            lifted = lift_no(self._user, category, how=self._how, by=self._by)
            self._words = {**self._words, (category.key, ""): lifted}
        self._store(category, key, wanted=wanted)

    def _store(self, category: Category | None, key: str, *, wanted: bool) -> None:
        place = (category.key if category is not None else "", key)
        state = set_preference(
            self._user, *place, wanted=wanted, how=self._how, by=self._by, ip=self._ip
        )
        self._words = {**self._words, place: state}


class AddressOwner:
    """An address without a user.

    Args:
        record: The record, with its target.
    """

    def __init__(self, record: TargetUserRecord) -> None:
        self._key = target_key(record.target.notification_module_name)
        self.targets = {self._key: record.target.name}
        self.address = record.target_user_id
        using = router.db_for_write(Suppression)
        self._hash = address_hash(self._key, self.address)
        rows = Suppression.objects.using(using).filter(
            target_key=self._key, address_hash=self._hash
        )
        self._reasons = dict(rows.values_list("category", "reason"))

    def wants(self, category: Category, key: str) -> bool:
        """See ``Owner``."""
        return category.key not in self._reasons

    def awaits_confirmation(self, category: Category, key: str) -> bool:
        """See ``Owner``."""
        return False

    def wants_target(self, key: str) -> bool:
        """See ``Owner``."""
        return True

    def wants_anything(self) -> bool:
        """See ``Owner``."""
        return "" not in self._reasons

    def set(self, category: Category | None, key: str, *, wanted: bool) -> None:
        """See ``Owner``; a suppression for another reason than the owner's word stays."""
        if category is None:
            set_everything(self._key, self.address, wanted=wanted)
            return
        of = category.key
        if wanted:
            unsuppress(self._key, self.address, category=of, reason=Suppression.Reason.UNSUBSCRIBED)
        else:
            reason = Suppression.Reason.UNSUBSCRIBED
            suppress(self._key, self.address, category=of, reason=reason)


def owner_of(record: TargetUserRecord, *, ip: str | None = None) -> Owner:
    """Return the owner of a record, for a page that a link in a message has opened.

    Args:
        record: The record, with target and user.
        ip: The IP address of the request.
    """
    if record.user is None:
        return AddressOwner(record)
    return UserOwner(record.user, how=ConsentLog.How.LINK, ip=ip)


def _names_of_targets(user: Any, using: str) -> dict[str, str]:
    targets = NotificationTarget.objects.using(using).filter(
        targetuserrecord__user=user, targetuserrecord__active=True
    )
    names = targets.order_by("created_date", "name").values_list("notification_module_name", "name")
    found: dict[str, str] = {}
    for module_name, name in names:
        found.setdefault(target_key(module_name), name)
    return found
