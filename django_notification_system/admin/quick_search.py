"""Finding whom a word means, as fast among a million records as among a thousand.

The newest users are searched for the word anywhere in names and addresses; all others by how their
address, or what their own table has an index over, begins. Whoever wants everything searched says
so, and waits.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import or_
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connections
from django.db.models import Q, QuerySet

from ..models import TargetUserRecord
from .search import user_search_fields

#: How many users are searched in full, the newest.
USERS_LOOKED_AT = 1_000
#: How many users, and how many of their records, a word may mean.
MOST_FOUND = 500


def records_meant(word: str, *, using: str, described: bool = False) -> list[Any]:
    """Return the keys of the records that a word means.

    Args:
        word: Part of an address or of a user's name; of older ones, the beginning.
        using: The database's alias.
        described: Whether it may be part of a record's description, too.
    """
    users = get_user_model()._base_manager.using(using)
    oldest = next(
        iter(users.order_by("-pk").values_list("pk", flat=True)[USERS_LOOKED_AT - 1 :][:1]), None
    )
    newest = Q() if oldest is None else Q(pk__gte=oldest)
    conditions = [newest & _any_of(user_search_fields(""), "icontains", word)]
    if oldest is not None:
        conditions += [Q(**{name: word}) for name in _indexed(users.model, using)]
    found_users = _first_keys([users.filter(condition) for condition in conditions])
    records = TargetUserRecord.objects.using(using)
    of_newest = Q() if oldest is None else Q(user__gte=oldest)
    names = ["target_user_id", *(["description"] if described else [])]
    found = [records.filter(of_newest & _any_of(names, "icontains", word))]
    if oldest is not None:
        found.append(records.filter(target_user_id__istartswith=word))
    if found_users:
        found.append(records.filter(user__in=found_users))
    return _first_keys(found)


def _any_of(names: Sequence[str], lookup: str, word: str) -> Q:
    return reduce(or_, (Q(**{f"{name}__{lookup}": word}) for name in names), Q())


def _indexed(user_model: Any, using: str) -> Iterator[str]:
    """Yield how to look up what the users' table has an index over, by its beginning."""
    # Django makes PostgreSQL an index for this, which tells capitals from others.
    lookup = "startswith" if connections[using].vendor == "postgresql" else "istartswith"
    for name in user_search_fields("", user_model):
        field = user_model._meta.get_field(name)
        if field.unique or field.db_index:
            yield f"{name}__{lookup}"


def _first_keys(found: Sequence[QuerySet[Any]]) -> list[Any]:
    keys: dict[Any, None] = {}
    for rows in found:
        keys.update(dict.fromkeys(rows.order_by().values_list("pk", flat=True)[:MOST_FOUND]))
    return list(keys)[:MOST_FOUND]
