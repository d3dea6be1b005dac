"""Indexes over some of the rows, where the database has such, and over moments."""

from typing import Any

from django.db import connections, models

from .statuses import RETRY, SCHEDULED, UNDELIVERED

#: The waiting rows: part of an index's condition. One equation for each status: SQLite uses a
#: partial index only for a query with the same terms.
_IS_PENDING = models.Q(status=SCHEDULED) | models.Q(status=RETRY)
#: The few waiting rows with a priority: the condition of an index.
IS_PRIORITISED = _IS_PENDING & models.Q(priority__gt=0)
#: The waiting rows with an idempotency key: the condition of an index.
IS_WAITING_WITH_KEY = _IS_PENDING & models.Q(idempotency_key__isnull=False)


class PartialIndex(models.Index):
    """An index over the rows that meet a condition; over all rows without such indexes.

    MariaDB and MySQL have no partial indexes: with Django's own ``condition``, every project on
    these two would see a warning of a system check.

    Args:
        fields: The names of the fields.
        name: The index's name.
        where: The condition.
    """

    def __init__(self, *, where: models.Q, **kwargs: Any) -> None:
        self.where = where
        super().__init__(**kwargs)

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **kwargs: Any) -> Any:
        """Return the SQL that makes the index."""
        index = models.Index(
            fields=self.fields,
            name=self.name,
            condition=(
                self.where if schema_editor.connection.features.supports_partial_indexes else None
            ),
        )
        return index.create_sql(model, schema_editor, using, **kwargs)

    def deconstruct(self) -> Any:
        """Return the index's constructor and arguments, for migrations."""
        path, expressions, kwargs = super().deconstruct()
        return path, expressions, {**kwargs, "where": self.where}


class NewestFirstIndex(models.Index):
    """An index over one moment, from the newest to the oldest.

    On PostgreSQL the index is ``DESC NULLS LAST``. Read backwards, such an index gives the oldest
    with nulls first. ``ORDER BY moment`` asks for nulls last, even for a column without nulls, so
    PostgreSQL does not use the index for a claim. PostgreSQL did use a plain index for claims: with
    many due rows and fresh statistics, PostgreSQL expects enough rows near the table's start, and
    reads all delivered rows. A query for this index on PostgreSQL orders by :func:`ordering`.
    """

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **kwargs: Any) -> Any:
        """Return the SQL that makes the index."""
        statement: Any = super().create_sql(model, schema_editor, using, **kwargs)
        if statement is not None and schema_editor.connection.vendor == "postgresql":
            (name,) = self.fields
            column = schema_editor.quote_name(model._meta.get_field(name).column)
            statement.parts["columns"] = f"{column} DESC NULLS LAST"
        return statement


def ordering(name: str, *, newest_first: bool, using: str) -> models.expressions.OrderBy:
    """Return the order by a moment that is never null, in the terms of ``NewestFirstIndex``.

    Args:
        name: The field's name.
        newest_first: Whether from the newest to the oldest, or the other way round.
        using: The database's alias.
    """
    moment = models.F(name)
    if connections[using].vendor != "postgresql":
        return moment.desc() if newest_first else moment.asc()
    return moment.desc(nulls_last=True) if newest_first else moment.asc(nulls_first=True)


#: The indexed expression, by the database, so that the index serves Django's ``istartswith``.
COLUMNS = {
    "postgresql": "UPPER({column}::text) text_pattern_ops",
    "sqlite": "{column} COLLATE NOCASE",
}


class PrefixIndex(models.Index):
    """An index over one text field, for ``istartswith`` on every database.

    On PostgreSQL, Django's own would need ``django.contrib.postgres`` among the project's apps. The
    collations of MariaDB and MySQL ignore case, so a plain index serves there.
    """

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **kwargs: Any) -> Any:
        """Return the SQL that makes the index."""
        statement: Any = super().create_sql(model, schema_editor, using, **kwargs)
        (name,) = self.fields
        column = schema_editor.quote_name(model._meta.get_field(name).column)
        columns = COLUMNS.get(schema_editor.connection.vendor)
        if statement is not None and columns is not None:
            statement.parts["columns"] = columns.format(column=column)
        return statement


#: The indexes of ``Notification``.
NOTIFICATION_INDEXES = [
    # For the engine: a target's due rows, oldest first, however many rows have ended and however
    # many are due for other targets.
    models.Index(fields=["target", "status", "scheduled_delivery"], name="notification_target_due"),
    # For the engine, too: waiting rows with a priority, level by level. Rows without a priority are
    # not in the index, and cost nothing.
    PartialIndex(
        fields=["target", "status", "priority", "scheduled_delivery"],
        name="notification_prioritised",
        where=IS_PRIORITISED,
    ),
    # For the admin's filter by status: rare statuses only. The index leaves out due rows: with late
    # statistics a database would use the index for a claim, and read the due rows of all targets.
    PartialIndex(
        fields=["status", "scheduled_delivery"],
        name="notification_undelivered",
        where=models.Q(status__in=UNDELIVERED),
    ),
    # The admin's: the newest first, without a sort of the whole table.
    NewestFirstIndex(fields=["scheduled_delivery"], name="notification_newest"),
    # For the dashboard and the status command: the attempts of the last hour or week. The time
    # comes first, so that no database uses the index for a claim, and a new entry goes to the end.
    PartialIndex(
        fields=["attempted_delivery", "status", "target"],
        name="notification_attempted",
        where=models.Q(attempted_delivery__isnull=False),
    ),
    # For receipts, which have the provider's name for the message.
    PartialIndex(
        fields=["provider_message_id"],
        name="notification_message",
        where=models.Q(provider_message_id__gt=""),
    ),
    # For fetching receipts: the rows whose provider will be asked.
    PartialIndex(
        fields=["target", "receipt_due_at"],
        name="notification_receipt_due",
        where=models.Q(receipt_due_at__isnull=False),
    ),
    # For cancelling and rescheduling by key.
    PartialIndex(
        fields=["idempotency_key"], name="notification_key_waiting", where=IS_WAITING_WITH_KEY
    ),
]
