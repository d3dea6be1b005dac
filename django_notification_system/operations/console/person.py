"""A person as an argument of a command."""

import argparse
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.utils.translation import gettext as _

NAME, KEY = "name", "key"


def add_person(parser: argparse.ArgumentParser) -> None:
    """Declare ``USER`` and ``--by``.

    Args:
        parser: A command's.
    """
    parser.add_argument(
        "user", metavar="USER", help=_("The user's name (the user model's username field) or key.")
    )
    parser.add_argument(
        "--by",
        choices=(NAME, KEY),
        help=_("What USER is, where one user's name is another user's key."),
    )


def person_named(text: str, by: str | None, *, using: str) -> Any:
    """Return the user with a name or key.

    Args:
        text: The name or the key.
        by: ``name`` or ``key``; ``None``: either.
        using: The database's alias.

    Raises:
        CommandError: When there is no such user, or more than one.
    """
    found: dict[Any, Any] = {}
    if by in (None, NAME):
        found |= {user.pk: user for user in _by_name(text, using=using)}
    if by in (None, KEY):
        found |= {user.pk: user for user in _by_key(text, using=using)}
    if len(found) > 1:
        raise CommandError(
            _("%(text)r is more than one user: the keys are %(keys)s. Say --by key or --by name.")
            % {"text": text, "keys": ", ".join(sorted(map(str, found)))}
        )
    if not found:
        raise CommandError(
            _("There is no user %(text)r. Give the %(field)s, or the key.")
            % {"text": text, "field": get_user_model().USERNAME_FIELD}
        )
    return found.popitem()[1]


def _by_name(text: str, *, using: str) -> list[Any]:
    users = get_user_model()._base_manager.using(using)
    name = get_user_model().normalize_username(text)
    alike = users.filter(**{get_user_model().USERNAME_FIELD: name})
    # MariaDB compares without case: whoever erases a person must name that person.
    return [user for user in alike if user.get_username() == name]


def _by_key(text: str, *, using: str) -> list[Any]:
    users = get_user_model()._base_manager.using(using)
    try:
        return list(users.filter(pk=get_user_model()._meta.pk.to_python(text)))
    except (ValidationError, ValueError, OverflowError):
        return []
