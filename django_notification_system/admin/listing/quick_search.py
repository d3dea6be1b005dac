"""Finding the people meant by a word, as fast among a million records as among a thousand.

The newest users are searched for the word anywhere in names and addresses; all other users only by
the beginning of the address, or of a column with an index. A person may choose to search
everything, and wait.
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
#: The most users, and the most records of users, for a word.
MOST_FOUND = 500


def records_meant(words: Iterable[str], *, using: str, described: bool = False) -> list[list[Any]]:
    """Return for each word the keys of the matching records.

    Args:
        words: Parts of an address or of a user's name; for older users, the beginning.
        using: The database's alias.
        described: Whether a word may also be part of a record's description.
    """
    words = list(words)
    newest = _newest(using) if words else {}
    return [_meant(word, newest, using, described) for word in words]


def _newest(using: str) -> dict[str, Any]:
    """Return the lookup of the newest users; empty if there are no others."""
    users = get_user_model()._base_manager.using(using)
    name = _rising(users.model)
    ordered = users.order_by(f"-{name}").values_list(name, flat=True)
    # Higher than the first of the others: never more users, even if many joined at one moment.
    others = ordered[USERS_LOOKED_AT : USERS_LOOKED_AT + 1]
    return {f"{name}__gt": other for other in others}


def _rising(user_model: Any) -> str:
    """Return the name of a column that rises with newer users, if the model has one."""
    key = user_model._meta.pk
    while key.is_relation:
        key = key.target_field
    if isinstance(key, AutoField):
        return "pk"
    joined = next((each for each in user_model._meta.fields if each.name == "date_joined"), None)
    # Without either, keys may still rise with time; random keys do not.
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
    """Yield the lookups by the beginning of the users' columns with an index."""
    # Django makes an index for this lookup on PostgreSQL, with respect to case.
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
