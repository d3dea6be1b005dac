"""The last look at a slice of a batch, right before it is sent."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import connections
from django.db.models import DateTimeField, UUIDField
from django.utils import timezone

from ...database import patiently
from ...models.expressions import Among
from .claim import Claim


def count_deliverable(claim: Claim, keys: Sequence[uuid.UUID], at: datetime) -> int:
    """Return how many of these are still the claim's own, and to be sent at a moment."""
    connection = connections[claim.using]
    statement, others, places = _statement(claim.using, connection.vendor, len(keys))
    token = UUIDField().get_db_prep_value(claim.token, connection)
    parameters = [*Among("id", keys).parameters(connection), token, *others]
    moment = _prepared(at, connection)
    for place in places:
        parameters[place] = moment

    def count() -> int:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return len(cursor.fetchall())

    return patiently(count, using=claim.using)


@lru_cache(maxsize=256)
def _statement(
    using: str, vendor: str, number: int
) -> tuple[str, tuple[Any, ...], tuple[int, ...]]:
    """Return the SQL for so many keys, its parameters after the keys and the token, and more.

    Django takes five times as long to make it as the database to execute it.

    Returns:
        The SQL, the parameters, and the places of the moment among all parameters.
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
