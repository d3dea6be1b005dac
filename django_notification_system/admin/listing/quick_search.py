"""Finding whom a word means, as fast among a million records as among a thousand.

The newest users are searched for the word anywhere in names and addresses; all others by how their
address, or what their own table has an index over, begins. Whoever wants everything searched says
so, and waits.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from operator import or_
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connections
from django.db.models import AutoField, DateField, Q, QuerySet

from ...models import TargetUserRecord
from .search import user_search_fields

#: How many users are searched in full, the newest.
USERS_LOOKED_AT = 1_000
#: How many users, and how many of their records, a word may mean.
MOST_FOUND = 500


def records_meant(words: Iterable[str], *, using: str, described: bool = False) -> list[list[Any]]:
    """Return for each word the keys of the records that it means.

    Args:
        words: Each part of an address or of a user's name; of older ones, the beginning.
        using: The database's alias.
        described: Whether it may be part of a record's description, too.
    """
    words = list(words)
    newest = _newest(using) if words else {}
    return [_meant(word, newest, using, described) for word in words]


def _newest(using: str) -> dict[str, Any]:
    """Return by which lookup the newest users are found; none, where there are no others."""
    users = get_user_model()._base_manager.using(using)
    name = _rising(users.model)
    ordered = users.order_by(f"-{name}").values_list(name, flat=True)
    # Higher than the first of the others: never more users, should many have joined at one moment.
    others = ordered[USERS_LOOKED_AT : USERS_LOOKED_AT + 1]
    return {f"{name}__gt": other for other in others}


def _rising(user_model: Any) -> str:
    """Return the name of what is higher the newer a user is, as far as the model has such."""
    key = user_model._meta.pk
    while key.is_relation:
        key = key.target_field
    if isinstance(key, AutoField):
        return "pk"
    joined = next((each for each in user_model._meta.fields if each.name == "date_joined"), None)
    # Where there is neither, keys may still rise with time; random ones tell nothing of it.
    return joined.name if isinstance(joined, DateField) and not joined.null else "pk"


def _meant(word: str, newest: dict[str, Any], using: str, described: bool) -> list[Any]:
    users = get_user_model()._base_manager.using(using)
    conditions = [Q(**newest) & _any_of(user_search_fields(""), "icontains", word)]
    if newest:
        conditions += [Q(**{name: word}) for name in _indexed(users.model, using)]
    found_users = _first_keys([users.filter(condition) for condition in conditions])
    records = TargetUserRecord.objects.using(using)
    of_newest = Q(**{f"user__{lookup}": value for lookup, value in newest.items()})
    names = ["target_user_id", *(["description"] if described else [])]
    found = [records.filter(of_newest & _any_of(names, "icontains", word))]
    if newest:
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
