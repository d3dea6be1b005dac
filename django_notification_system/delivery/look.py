"""The last look at a slice of a batch, right before it is sent."""

import uuid
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.db import connections
from django.db.models import UUIDField

from ..models.among import Among
from .claim import Claim
from .database import patiently


def count_deliverable(claim: Claim, keys: Sequence[uuid.UUID]) -> int:
    """Return how many of these are still the claim's own, and to be sent."""
    connection = connections[claim.using]
    statement, others = _statement(claim.using, connection.vendor, len(keys))
    token = UUIDField().get_db_prep_value(claim.token, connection)
    parameters = [*Among("id", keys).parameters(connection), token, *others]

    def count() -> int:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return len(cursor.fetchall())

    return patiently(count, using=claim.using)


@lru_cache(maxsize=256)
def _statement(using: str, vendor: str, number: int) -> tuple[str, tuple[Any, ...]]:
    """Return the SQL for so many keys, and its parameters after the keys and the token.

    Django takes five times as long to make it as the database to execute it.
    """
    connection = connections[using]
    keys = [uuid.uuid4() for _ in range(number)]
    rows = Claim(uuid.uuid4(), [], using).rows(keys).deliverable().values("pk")
    statement, parameters = rows.query.get_compiler(using=using).as_sql()
    return statement, tuple(parameters[len(Among("id", keys).parameters(connection)) + 1 :])
