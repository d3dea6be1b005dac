"""Categories: kinds of messages that a person may switch on and off.

A project declares its categories in modules named ``notification_types``, one in any app; Django
imports these modules at start::

    from django_notification_system.categories import Category, register

    NEWS = register(Category("news", label=_("Newsletter"), targets=("email",)))

A notification without a category belongs to none, and no preference applies.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise

from .exceptions import InvalidNotification

#: A key: small letters first, as MariaDB compares texts without case.
KEY = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
KEY_MAX_LENGTH = 64
#: Stands for a text that is no key; nobody can have said a word about such a category.
NO_KEY = "no-key"
#: The longest key of a target: a module's name.
TARGET_KEY_MAX_LENGTH = 50

Text = str | Promise


@dataclass(frozen=True)
class Category:
    """A kind of messages, such as a newsletter, that a person may switch on and off.

    Targets are named by their keys in ``NOTIFICATION_SYSTEM_TARGETS``: ``email``, ``twilio_sms``,
    ``expo``, or the module's name.

    Attributes:
        key: The name in the database and in code: a small letter, then up to 63 small letters,
            digits, ``_``, ``.`` and ``-``. A key must not change: preferences are stored by key.
        label: The name for people; may be lazily translated.
        description: A sentence for people; may be lazily translated.
        targets: The targets that are on by default; ``None``: all targets. Another target needs a
            person's yes.
        opt_in: The targets that need a person's yes although ``targets`` has them; ``True``: every
            target needs a yes.
        confirm: Whether a yes counts only when confirmed by a link (double opt-in).
        mandatory: Whether the messages pass every preference, and ``NotificationOptOut``: password
            resets and security notices. A suppressed address, an inactive record and an expiry
            still stop a message.
        one_click: Whether an email gets a one-click unsubscribe link; by default unless mandatory.

    Raises:
        ImproperlyConfigured: When a value is wrong, or two values contradict each other.
    """

    key: str
    _: KW_ONLY
    label: Text
    description: Text = ""
    targets: tuple[str, ...] | None = None
    opt_in: bool | tuple[str, ...] = ()
    confirm: bool = False
    mandatory: bool = False
    one_click: bool | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.key, str) or KEY.fullmatch(self.key) is None:
            raise ImproperlyConfigured(
                f"Category key {self.key!r}: begin with a small letter, and use small letters,"
                f" digits, _, . and -, at most {KEY_MAX_LENGTH} characters."
            )
        for name in ("label", "description"):
            if not isinstance(getattr(self, name), str | Promise):
                raise self._wrong(name, "must be a text")
        for name in ("confirm", "mandatory"):
            if not isinstance(getattr(self, name), bool):
                raise self._wrong(name, "must be True or False")
        if self.one_click not in (None, True, False):
            raise self._wrong("one_click", "must be True, False or None")
        if self.targets is not None:
            object.__setattr__(self, "targets", self._keys("targets"))
        if not isinstance(self.opt_in, bool):
            object.__setattr__(self, "opt_in", self._keys("opt_in"))
        if self.one_click is None:
            object.__setattr__(self, "one_click", not self.mandatory)
        self._refuse_contradictions()

    def __str__(self) -> str:
        return self.key

    def needs_yes(self, target_key: str) -> bool:
        """Tell whether a target is off until a person says yes.

        Args:
            target_key: The target's key.
        """
        if self.opt_in is True or (self.opt_in and target_key in self.opt_in):
            return True
        return self.targets is not None and target_key not in self.targets

    def _refuse_contradictions(self) -> None:
        if self.mandatory and (self.opt_in or self.confirm or self.one_click):
            raise ImproperlyConfigured(
                f"Category {self.key!r} is mandatory, so nobody is asked: leave out opt_in, confirm"
                " and one_click."
            )
        if self.mandatory and self.targets is not None:
            raise ImproperlyConfigured(
                f"Category {self.key!r} is mandatory, and so on in every target: leave out targets."
            )
        if self.confirm and not self.opt_in and self.targets is None:
            raise ImproperlyConfigured(
                f"Category {self.key!r} has confirm, but is on without a yes: add opt_in=True, or"
                " the targets that need a yes."
            )

    def _keys(self, name: str) -> tuple[str, ...]:
        keys = getattr(self, name)
        if isinstance(keys, str) or not isinstance(keys, Iterable):
            raise self._wrong(name, "must be a tuple of keys of targets, such as ('email',)")
        keys = tuple(keys)
        for key in keys:
            if not isinstance(key, str) or not 0 < len(key) <= TARGET_KEY_MAX_LENGTH:
                raise self._wrong(name, f"has {key!r}, which is no key of a target")
        return keys

    def _wrong(self, name: str, complaint: str) -> ImproperlyConfigured:
        return ImproperlyConfigured(f"Category {self.key!r}: {name} {complaint}.")


_categories: dict[str, Category] = {}


def register(category: Category) -> Category:
    """Make a category known, and return the category.

    Args:
        category: The category. The same category may be registered again.

    Raises:
        ImproperlyConfigured: When another category has the key.
    """
    if not isinstance(category, Category):
        raise ImproperlyConfigured(f"register() takes a Category, not {category!r}.")
    known = _categories.get(category.key)
    if known is not None and known != category:
        raise ImproperlyConfigured(
            f"Two categories have the key {category.key!r}. Give each a key of its own."
        )
    _categories[category.key] = category
    return category


def all_categories() -> list[Category]:
    """Return the known categories, in the order of their registration."""
    return list(_categories.values())


def find_category(key: str) -> Category | None:
    """Return the category with a key; ``None`` where no category has the key.

    Args:
        key: The key.
    """
    return _categories.get(key)


def category_of(key: str) -> Category:
    """Return the category with a key, or for an unknown key a category without rules.

    A category may have been removed from the code while its notifications wait. A stored no counts
    for such notifications too.

    Args:
        key: The key, as the database has it: perhaps a text that no category may have as its key.
    """
    known = _categories.get(key)
    if known is not None:
        return known
    return Category(key if KEY.fullmatch(key) else NO_KEY, label=key)


def known_key(category: Any) -> str:
    """Return the key of a known category; an empty text stands for no category.

    Args:
        category: A category, or a key.

    Raises:
        InvalidNotification: When no known category has the key.
    """
    key = category.key if isinstance(category, Category) else category
    if not isinstance(key, str):
        raise InvalidNotification(
            f"category must be a key or a Category, not {type(key).__name__}.", argument="category"
        )
    if key and key not in _categories:
        raise InvalidNotification(unknown_category(key), argument="category")
    return key


def unknown_category(key: Any) -> str:
    """Return the sentence for people about a key that no category has.

    Args:
        key: The key, of any type.
    """
    known = ", ".join(sorted(_categories))
    next_step = (
        f"Known are: {known}."
        if known
        else "Register one in a module notification_types of one of your apps."
    )
    return f"category is {key!r}, and there is no such category. {next_step}"


def mandatory_keys() -> tuple[str, ...]:
    """Return the keys of the mandatory categories, sorted."""
    return tuple(sorted(each.key for each in _categories.values() if each.mandatory))


def named_target_keys() -> set[str]:
    """Return the keys of the targets that categories name."""
    named: set[str] = set()
    for category in _categories.values():
        named.update(category.targets or ())
        if not isinstance(category.opt_in, bool):
            named.update(category.opt_in)
    return named


def heeds_opt_outs(key: str) -> bool:
    """Tell whether an opt-out stops the notifications of a category.

    Args:
        key: The category's key, or an empty text.
    """
    category = _categories.get(key)
    return category is None or not category.mandatory


@contextmanager
def known_categories(*categories: Category) -> Iterator[Mapping[str, Category]]:
    """Have these categories and no others, for a test.

    Args:
        *categories: The categories.
    """
    global _categories
    before = _categories
    _categories = {}
    try:
        for category in categories:
            register(category)
        yield _categories
    finally:
        _categories = before
