"""Writing outcomes down, many at a time, and only where the claim is still ours."""

import logging
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from itertools import chain
from typing import Any

from django.db import connections, transaction
from django.utils import timezone

from ..models import Notification, TargetUserRecord
from .claim import Claim
from .database import patiently
from .outcome import Outcome, Result

logger = logging.getLogger("django_notification_system")

#: What an attempt may change; a delivery changes other fields than a failure.
DELIVERY_FIELDS = ("status", "attempted_delivery", "response", "provider_message_id")
FAILURE_FIELDS = (
    "status",
    "attempted_delivery",
    "response",
    "scheduled_delivery",
    "retry_attempts",
)
#: What the engine keeps to itself, whatever a handler saves.
ENGINE_FIELDS = frozenset({"id", "digest", "claim_token", "claimed_until", "modified_date"})
CONCRETE_FIELDS = {field.attname: field for field in Notification._meta.concrete_fields}
EVERY_FIELD = tuple(name for name in CONCRETE_FIELDS if name not in ENGINE_FIELDS)


def record_outcomes(claim: Claim, outcomes: Sequence[Outcome]) -> None:
    """Write settled outcomes and give up the claim on their rows, all of them or none.

    A row whose claim has meanwhile passed to another run is left to that run. A database that is
    out of reach is waited for.
    """
    groups: dict[tuple[str, ...], list[Notification]] = {}
    for outcome in outcomes:
        groups.setdefault(_changed_fields(outcome), []).append(outcome.notification)
    is_one_statement = len(groups) == 1 and not any(
        outcome.deactivate_record for outcome in outcomes
    )

    def write() -> None:
        with nullcontext() if is_one_statement else transaction.atomic(using=claim.using):
            for fields, notifications in groups.items():
                _write(claim, notifications, fields)
            deactivate_records(claim.using, outcomes)

    patiently(write, using=claim.using)


def record_settled(claim: Claim, notifications: Sequence[Notification]) -> None:
    """Write what was settled without an attempt."""
    if notifications:
        patiently(lambda: _write(claim, notifications, ("status", "response")), using=claim.using)


def _changed_fields(outcome: Outcome) -> tuple[str, ...]:
    if outcome.result is Result.DELIVERED:
        return DELIVERY_FIELDS
    return EVERY_FIELD if outcome.result is Result.AS_SAVED else FAILURE_FIELDS


def _write(claim: Claim, notifications: Sequence[Notification], fields: Iterable[str]) -> None:
    """Write these fields of all rows in one statement, and give up the claim on them.

    The statement is made by hand: as Django's expressions, a ``CASE`` for every field of fifty
    rows takes longer to make than the fifty emails take to send.
    """
    connection = connections[claim.using]

    def column(name: str) -> str:
        return connection.ops.quote_name(CONCRETE_FIELDS[name].column or name)

    def prepared(name: str, value: Any) -> Any:
        return CONCRETE_FIELDS[name].get_db_prep_save(value, connection)

    keys = [prepared("id", notification.pk) for notification in notifications]
    assignments: list[str] = []
    parameters: list[Any] = []
    for name in fields:
        values = [prepared(name, getattr(notification, name)) for notification in notifications]
        if all(value == values[0] for value in values):
            assignments.append(f"{column(name)} = %s")
            parameters.append(values[0])
        else:
            cases = " ".join(["WHEN %s THEN %s"] * len(keys))
            assignments.append(f"{column(name)} = CASE {column('id')} {cases} END")
            parameters.extend(chain.from_iterable(zip(keys, values, strict=True)))
    assignments += [
        f"{column('modified_date')} = %s",
        f"{column('claim_token')} = NULL",
        f"{column('claimed_until')} = NULL",
    ]
    parameters.append(prepared("modified_date", timezone.now()))
    table = connection.ops.quote_name(Notification._meta.db_table)
    statement = (
        f"UPDATE {table} SET {', '.join(assignments)}"  # noqa: S608 # names of our own model
        f" WHERE {column('id')} IN ({', '.join(['%s'] * len(keys))})"
        f" AND {column('claim_token')} = %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [*parameters, *keys, prepared("claim_token", claim.token)])
        missed = len(keys) - cursor.rowcount
    if missed:
        logger.warning(
            "%d of %d outcomes were not recorded: their notifications were deleted, or another"
            " run took them over when the lease ended.",
            missed,
            len(keys),
        )


def deactivate_records(using: str, outcomes: Iterable[Outcome]) -> None:
    """Switch off the records whose address will never work again."""
    for outcome in outcomes:
        if outcome.deactivate_record:
            record = outcome.notification.target_user_record
            # Unless the address has changed since: what was refused is the address.
            TargetUserRecord.objects.using(using).filter(
                pk=record.pk, target_user_id=record.target_user_id
            ).update(active=False, modified_date=timezone.now())
