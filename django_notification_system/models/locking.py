"""Locks on rows that a transaction reads first and then writes."""

import uuid
from typing import TYPE_CHECKING, TypeVar

from django.db import connections
from django.db.models import Model, QuerySet

if TYPE_CHECKING:
    from .notification import Notification

Row = TypeVar("Row", bound=Model)


def begin_with_a_write(rows: "QuerySet[Notification]") -> None:
    """Let SQLite wait for another writer, as every other database does.

    A SQLite transaction that began with a read fails at its first write while another transaction
    writes. https://www.sqlite.org/lang_transaction.html

    Args:
        rows: All notifications, in the transaction's database.
    """
    if connections[rows.db].vendor == "sqlite":
        rows.filter(pk=uuid.UUID(int=0)).update(title="")


def locked(rows: QuerySet[Row]) -> QuerySet[Row]:
    """Return rows to be locked until the end of the transaction, where the database has row locks.

    In the order of their keys, so that two transactions do not wait for each other. New rows may
    refer to locked rows.

    Args:
        rows: The rows, in the transaction's database.
    """
    no_key = connections[rows.db].features.has_select_for_no_key_update
    return rows.order_by("pk").select_for_update(no_key=no_key)
