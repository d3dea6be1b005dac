"""The SQL statement that writes the outcomes of many rows at once.

Hand-written SQL: to build Django's expressions, a ``CASE`` for every field of fifty rows, takes
longer than to send the fifty emails.
"""

import json
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from django.db.models import JSONField
from django.utils import timezone

from ...models import Notification

FIELDS = {field.attname: field for field in Notification._meta.concrete_fields}


def update_statement(
    connection: Any,
    token: uuid.UUID,
    notifications: Sequence[Notification],
    fields: Iterable[str],
    *,
    of_status: Sequence[str],
    rescheduled_after: datetime | None = None,
) -> tuple[str, list[Any]]:
    """Return the SQL, with parameters, to write the fields and release the rows.

    Args:
        connection: The database connection, for quoting and for preparing values.
        token: Only rows still claimed by this token are written.
        notifications: The notifications, with the values to write.
        fields: The names of the fields.
        of_status: Only rows with one of these statuses now are written; empty: every status.
        rescheduled_after: A ``scheduled_delivery`` in the database later than this moment is kept.
    """

    def prepared(name: str, value: Any) -> Any:
        return FIELDS[name].get_db_prep_save(value, connection)

    # Values shared by all rows, and lists of the rows' own values.
    shared: dict[str, Any] = {"modified_date": prepared("modified_date", timezone.now())}
    own: dict[str, list[Any]] = {}
    for name in fields:
        values = [prepared(name, getattr(notification, name)) for notification in notifications]
        if all(value == values[0] for value in values):
            shared[name] = values[0]
        else:
            own[name] = values
    keys = [prepared("id", notification.pk) for notification in notifications]
    quote = connection.ops.quote_name
    table = quote(Notification._meta.db_table)
    column = {name: quote(field.column) for name, field in FIELDS.items()}
    parameters: list[Any] = []

    def assign(name: str, value: str) -> str:
        """Return an assignment; its value's parameters follow directly."""
        if rescheduled_after is None or name != "scheduled_delivery":
            return f"{column[name]} = {value}"
        # A person or the project may have put the row off while the message was on its way: keep
        # that.
        parameters.append(prepared(name, rescheduled_after))
        present = f"{table}.{column[name]}"
        return f"{column[name]} = CASE WHEN {present} > %s THEN {present} ELSE {value} END"

    assignments = []
    for name, value in shared.items():
        assignments.append(assign(name, "%s"))
        parameters.append(value)
    assignments += [f"{column[name]} = NULL" for name in ("claim_token", "claimed_until")]
    assignments.append(f"{column['interruptions']} = 0")
    has_json = any(isinstance(FIELDS[name], JSONField) for name in own)
    if own and connection.vendor == "postgresql" and not has_json:
        # One parameter for all rows: for hundreds of parameters, psycopg takes longer to find their
        # places than PostgreSQL takes to write the rows.
        names = ["id", *own]
        assignments += [assign(name, f"own.{column[name]}") for name in own]
        types = ", ".join(f"{column[name]} {FIELDS[name].db_type(connection)}" for name in names)
        rows = f"FROM json_to_recordset(%s) AS own({types}) WHERE {table}.{column['id']} = own.id"
        attributes = [FIELDS[name].column for name in names]
        each = zip(keys, *own.values(), strict=True)
        told = [dict(zip(attributes, values, strict=True)) for values in each]
        parameters.append(json.dumps(told, default=str))
    else:
        for name, values in own.items():
            cases = " ".join(["WHEN %s THEN %s"] * len(keys))
            assignments.append(assign(name, f"CASE {column['id']} {cases} END"))
            parameters.extend(chain.from_iterable(zip(keys, values, strict=True)))
        rows = f"WHERE {table}.{column['id']} IN ({', '.join(['%s'] * len(keys))})"
        parameters += keys
    statement = (
        f"UPDATE {table} SET {', '.join(assignments)} {rows}"  # noqa: S608 # names of our own model
        f" AND {table}.{column['claim_token']} = %s"
    )
    parameters.append(prepared("claim_token", token))
    if of_status:
        marks = ", ".join(["%s"] * len(of_status))
        statement += f" AND {table}.{column['status']} IN ({marks})"
        parameters += of_status
    return statement, parameters
