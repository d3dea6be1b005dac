"""The recheck of a slice, right before it is sent."""

import uuid
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from django.db import connections
from django.db.models import DateTimeField, UUIDField
from django.utils import timezone

from ...categories import mandatory_keys
from ...database import patiently
from ...models.expressions import Among
from .claim import Claim


def still_deliverable(
    claim: Claim, keys: Sequence[uuid.UUID], at: datetime
) -> AbstractSet[uuid.UUID]:
    """Return the keys of rows that are still claimed, and still to be sent at a moment.

    Args:
        claim: The claim.
        keys: The keys of a slice.
        at: The moment.
    """
    if patiently(partial(_count, claim, keys, at), using=claim.using) == len(keys):
        return set(keys)
    rows = claim.deliverable(keys, at).values_list("pk", flat=True)
    return set(patiently(lambda: list(rows), using=claim.using))


def _count(claim: Claim, keys: Sequence[uuid.UUID], at: datetime) -> int:
    connection = connections[claim.using]
    statement, others, places = _statement(
        claim.using, connection.vendor, len(keys), mandatory_keys()
    )
    token = UUIDField().get_db_prep_value(claim.token, connection)
    parameters = [*Among("id", keys).parameters(connection), token, *others]
    moment = _prepared(at, connection)
    for place in places:
        parameters[place] = moment
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return len(cursor.fetchall())


@lru_cache(maxsize=256)
def _statement(
    using: str, vendor: str, number: int, mandatory: tuple[str, ...]
) -> tuple[str, tuple[Any, ...], tuple[int, ...]]:
    """Return the SQL for a number of keys, made once: Django takes five times the database's time.

    Args:
        using: The database's alias.
        vendor: The database's kind.
        number: How many keys.
        mandatory: The keys of the categories that pass an opt-out: the SQL has them.

    Returns:
        The SQL, the parameters after the keys and the token, and the places of the moment among all
        parameters.
    """
    connection = connections[using]
    keys = [uuid.uuid4() for _ in range(number)]
    at = timezone.now()
    rows = Claim(uuid.uuid4(), [], using).deliverable(keys, at).values("pk")
    statement, parameters = rows.query.get_compiler(using=using).as_sql()
    moment = _prepared(at, connection)
    places = [place for place, value in enumerate(parameters) if value == moment]
    others = parameters[len(Among("id", keys).parameters(connection)) + 1 :]
    return statement, tuple(others), tuple(places)


def _prepared(moment: datetime, connection: Any) -> Any:
    return DateTimeField().get_db_prep_value(moment, connection)
