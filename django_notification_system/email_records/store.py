"""Write many records in few statements."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField, Expression
from django.utils import timezone

from ..models import NotificationTarget, TargetUserRecord
from ..models.keys import new_key
from .rules import USER_EMAIL, PlannedChange, User

FIELDS: dict[str, Any] = {field.attname: field for field in TargetUserRecord._meta.concrete_fields}
#: The columns of a new record: all that the database does not fill.
COLUMNS = (
    *("id", "created_date", "modified_date"),
    *("user_id", "target_id", "target_user_id", "description", "active", "origin", "hard_bounces"),
)


class Overtaken(Exception):
    """A record has changed since its change was planned."""


def insert_records(users: Sequence[User], target: NotificationTarget, *, using: str) -> None:
    """Insert a record with every user's address, in bulk: Django sends no signals.

    Args:
        users: The users.
        target: The email target.
        using: The database's alias; a transaction is open on the connection.

    Raises:
        IntegrityError: When a user has such a record by now, or was deleted; then no record is
            inserted. Databases that check references at the end of a transaction raise the error
            there.
    """
    rows = _rows(users, target, connections[using])
    if not _copied(rows, using):
        TargetUserRecord.objects.using(using).bulk_create(
            TargetUserRecord(**dict(zip(COLUMNS, row, strict=True))) for row in rows
        )


def _rows(
    users: Iterable[User], target: NotificationTarget, connection: BaseDatabaseWrapper
) -> Iterator[tuple[Any, ...]]:
    """Yield the records' values in the order of ``COLUMNS``."""
    now = timezone.now()
    user_field = FIELDS["user_id"]
    for user in users:
        key = user_field.get_db_prep_save(user.key, connection)
        yield (
            *(new_key(), now, now),
            *(key, target.pk, user.address, user.description, True, USER_EMAIL, 0),
        )


def _copied(rows: Iterable[tuple[Any, ...]], using: str) -> bool:
    """Insert by PostgreSQL's ``COPY``, in a fourth of the time, where the driver supports COPY."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return False
    quote = connection.ops.quote_name
    columns = ", ".join(quote(FIELDS[name].column) for name in COLUMNS)
    statement = f"COPY {quote(TargetUserRecord._meta.db_table)} ({columns}) FROM STDIN"
    with connection.cursor() as cursor:
        if not hasattr(cursor, "copy"):
            return False  # psycopg 2
        with connection.wrap_database_errors, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    return True


def change_records(changes: Iterable[PlannedChange], *, using: str) -> None:
    """Change records, with one statement for all equal changes.

    Args:
        changes: The changes.
        using: The database's alias; a transaction is open on the connection.

    Raises:
        Overtaken: When a record has changed since the plan; the transaction must then be undone.
        IntegrityError: When the user has a record with the new address by now.
    """
    groups: defaultdict[tuple[Any, ...], list[PlannedChange]] = defaultdict(list)
    for change in changes:
        before, after = change
        moves = before.address != after.address
        groups[before.active, before.origin, after.active, after.origin, moves].append(change)
    for alike in groups.values():
        _change_alike(alike, using)


def _change_alike(changes: Sequence[PlannedChange], using: str) -> None:
    before, after = changes[0]
    values: dict[str, Any] = {"active": after.active, "origin": after.origin}
    if before.address != after.address:
        values["hard_bounces"] = 0  # the former address's bounces
        values["target_user_id"] = _AddressById(
            {change.before.id: change.after.address for change in changes}
        )
    records = TargetUserRecord.objects.using(using).filter(
        pk__in=[change.before.id for change in changes], active=before.active, origin=before.origin
    )
    if records.update(**values, modified_date=timezone.now()) != len(changes):
        raise Overtaken


class _AddressById(Expression):
    """``CASE id WHEN … THEN …``, built in a tenth of the time of ``Case`` and ``When``."""

    def __init__(self, addresses: Mapping[Any, str]) -> None:
        super().__init__(output_field=CharField())
        self.addresses = addresses

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        """Return the SQL and the parameters."""
        column = connection.ops.quote_name(FIELDS["id"].column)
        parameters: list[Any] = []
        for record_id, address in self.addresses.items():
            parameters += [FIELDS["id"].get_db_prep_value(record_id, connection), address]
        return f"CASE {column}{' WHEN %s THEN %s' * len(self.addresses)} END", tuple(parameters)
