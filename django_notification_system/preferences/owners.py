"""Whose preferences a page shows, and how a word is stored: a user's, or a bare address's."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Protocol

from django.db import router

from ..categories import Category
from ..models import ConsentLog, NotificationTarget, Preference, Suppression, TargetUserRecord
from ..on_site import INBOX, installed_inbox
from ..targets import target_key
from .addresses import address_hash
from .bare_address import set_address_preference
from .change import lift_no, set_preference
from .questions import has_opted_out, states, target_keys
from .rule import NO, PENDING, YES


class Owner(Protocol):
    """Whose preferences a page shows, and a link changes.

    The database is asked on first use: a link that stores a no reads nothing.
    """

    @property
    def targets(self) -> Mapping[str, str]:
        """The names of the targets that reach the owner, by the target's key."""

    @property
    def address(self) -> str:
        """The address for people, where the owner is one."""

    def wants(self, category: Category, key: str) -> bool:
        """Tell whether the owner's word on a category lets messages through to a target.

        The word on the target as a whole, and on everything, does not count here.

        Args:
            category: The category.
            key: The target's key.
        """

    def awaits_confirmation(self, category: Category, key: str) -> bool:
        """Tell whether a yes to a category in a target must still be confirmed.

        Args:
            category: The category.
            key: The target's key.
        """

    def wants_target(self, key: str) -> bool:
        """Tell whether no word is against a target as a whole.

        Args:
            key: The target's key.
        """

    def wants_anything(self) -> bool:
        """Tell whether the owner has not opted out of everything."""

    def set(self, category: Category | None, key: str, *, wanted: bool) -> None:
        """Store a word; without a category on the target, without both on everything.

        Args:
            category: The category; ``None``: all.
            key: The target's key; empty: all targets.
            wanted: Whether messages shall come.

        Raises:
            TargetUnavailable: When the target's module cannot be imported, so that no other process
                would find an address without a user.
        """


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
        self._user, self._how, self._by, self._ip = user, how, by, ip
        self._using = router.db_for_write(Preference)

    @cached_property
    def targets(self) -> Mapping[str, str]:
        """See ``Owner``."""
        return _names_of_targets(self._user, self._using)

    @cached_property
    def _words(self) -> Mapping[tuple[str, str], str]:
        return states(self._user.pk, using=self._using)

    def wants(self, category: Category, key: str) -> bool:
        """See ``Owner``."""
        said = {self._words.get(scope) for scope in ((category.key, key), (category.key, ""))}
        return NO not in said and (YES in said or not category.needs_yes(key))

    def awaits_confirmation(self, category: Category, key: str) -> bool:
        """See ``Owner``."""
        said = {self._words.get(scope) for scope in ((category.key, key), (category.key, ""))}
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
        return not has_opted_out(self._user.pk, using=self._using)

    def set(self, category: Category | None, key: str, *, wanted: bool) -> None:
        """See ``Owner``.

        A no to the category everywhere would win over a yes in one target. So the no is moved to
        all other targets.
        """
        if category is not None and wanted and self._words.get((category.key, "")) == NO:
            for other in sorted(target_keys(self._using) - {key}):
                self._store(category, other, wanted=False)
            lifted = lift_no(self._user, category, how=self._how, by=self._by)
            self._note((category.key, ""), lifted)
        self._store(category, key, wanted=wanted)

    def _store(self, category: Category | None, key: str, *, wanted: bool) -> None:
        scope = (category.key if category is not None else "", key)
        state = set_preference(
            self._user, *scope, wanted=wanted, how=self._how, by=self._by, ip=self._ip
        )
        self._note(scope, state)

    def _note(self, scope: tuple[str, str], state: str) -> None:
        if "_words" in self.__dict__:  # else the next read finds the stored word
            self._words = {**self._words, scope: state}


class AddressOwner:
    """An address without a user.

    Args:
        record: The record, with its target.
        how: The way by which a no comes, a value of ``ConsentLog.How``.
    """

    def __init__(self, record: TargetUserRecord, *, how: str) -> None:
        self._how = how
        self._key = target_key(record.target.notification_module_name)
        self.targets = {self._key: record.target.name}
        self.address = record.target_user_id

    @cached_property
    def _suppressed_categories(self) -> frozenset[str]:
        """The categories of the address's suppressions; raises as ``address_hash()``."""
        rows = Suppression.objects.using(router.db_for_write(Suppression)).filter(
            target_key=self._key, address_hash=address_hash(self._key, self.address)
        )
        return frozenset(rows.values_list("category", flat=True))

    def wants(self, category: Category, key: str) -> bool:
        """See ``Owner``."""
        return category.key not in self._suppressed_categories

    def awaits_confirmation(self, category: Category, key: str) -> bool:
        """See ``Owner``."""
        return False

    def wants_target(self, key: str) -> bool:
        """See ``Owner``."""
        return True

    def wants_anything(self) -> bool:
        """See ``Owner``."""
        return "" not in self._suppressed_categories

    def set(self, category: Category | None, key: str, *, wanted: bool) -> None:
        """See ``Owner``."""
        set_address_preference(self._key, self.address, category, wanted=wanted, how=self._how)


def owner_of(
    record: TargetUserRecord, *, how: str = ConsentLog.How.LINK, ip: str | None = None
) -> Owner:
    """Return the owner of a record, for a link in a message.

    Args:
        record: The record, with target and user.
        how: The way by which words come, a value of ``ConsentLog.How``.
        ip: The IP address of the request.
    """
    if record.user is None:
        return AddressOwner(record, how=how)
    return UserOwner(record.user, how=how, ip=ip)


def _names_of_targets(user: Any, using: str) -> dict[str, str]:
    targets = NotificationTarget.objects.using(using).filter(
        targetuserrecord__user=user, targetuserrecord__active=True
    )
    names = targets.order_by("created_date", "name").values_list("notification_module_name", "name")
    inbox = installed_inbox()
    found = {} if inbox is None else {INBOX: inbox.label}
    for module_name, name in names:
        found.setdefault(target_key(module_name), name)
    return found
