"""Searching a list by fields of other tables, without joining them row by row."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, Q
from django.utils.text import smart_split, unescape_string_literal


def user_search_fields(prefix: str, user_model: type[Model] | None = None) -> list[str]:
    """Return the paths to the fields by which people find a user: name and email address.

    Args:
        prefix: The path to the user, such as ``"user__"``.
        user_model: By default the project's.
    """
    return [f"{prefix}{name}" for name in _user_fields(user_model or get_user_model())]


def _user_fields(user_model: Any) -> Iterator[str]:
    names = [
        user_model.USERNAME_FIELD,
        user_model.get_email_field_name(),
        "first_name",
        "last_name",
    ]
    for name in dict.fromkeys(names):
        try:
            field = user_model._meta.get_field(name)
        except FieldDoesNotExist:
            continue
        if not field.is_relation:  # USERNAME_FIELD may be a foreign key, without a text
            yield name


def words(term: str) -> Iterator[str]:
    """Split a search term as Django's admin does: at spaces, except within quotes.

    Args:
        term: The term.
    """
    for word in smart_split(term):
        quoted = len(word) > 1 and word[0] == word[-1] and word[0] in "\"'"
        yield unescape_string_literal(word) if quoted else word


def can_be_split(model: Any, path: str) -> bool:
    """Tell whether a search field is a path through foreign keys to a field, and no more.

    Args:
        model: The model of the list.
        path: The search field, with ``__`` between the fields.
    """
    *relations, name = path.split("__")
    try:
        for relation in relations:
            field = model._meta.get_field(relation)
            if not field.concrete or not (field.many_to_one or field.one_to_one):
                return False
            model = field.related_model
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True


def search_condition(model: Any, paths: Iterable[str], word: str, *, using: str) -> Q:
    """Return a condition: one of the fields contains a word.

    Every other table is searched once, in a subquery. Django's own condition joins the tables
    first, and the database may look up every row's record and user: for a word in few of a million
    rows, PostgreSQL took three times as long.

    Args:
        model: The rows' model.
        paths: The paths to the fields, all of which ``can_be_split()``.
        word: The word to search for; case is ignored.
        using: The database's alias.
    """
    condition = Q()
    by_relation: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        head, _, rest = path.partition("__")
        if rest:
            by_relation[head].append(rest)
        else:
            condition |= Q(**{f"{head}__icontains": word})
    for name, rest_of_paths in by_relation.items():
        related_model = model._meta.get_field(name).related_model
        found = search_condition(related_model, rest_of_paths, word, using=using)
        rows = related_model._base_manager.using(using).filter(found)
        condition |= Q(**{f"{name}__in": rows})
    return condition
