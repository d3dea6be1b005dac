"""Writing outcomes down, many at a time, and only where the claim is still ours."""

import logging
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import Any

from django.db import connections, transaction
from django.db.models import Case, Value, When
from django.db.models.functions import Cast
from django.utils import timezone

from ..models import Notification, TargetUserRecord
from .claim import Claim
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

    A row whose claim has meanwhile passed to another run is left to that run.
    """
    groups: dict[tuple[str, ...], list[Notification]] = {}
    for outcome in outcomes:
        groups.setdefault(_changed_fields(outcome), []).append(outcome.notification)
    is_one_statement = len(groups) == 1 and not any(
        outcome.deactivate_record for outcome in outcomes
    )
    with nullcontext() if is_one_statement else transaction.atomic(using=claim.using):
        for fields, notifications in groups.items():
            _write(claim, notifications, fields)
        deactivate_records(claim.using, outcomes)


def record_settled(claim: Claim, notifications: Sequence[Notification]) -> None:
    """Write what was settled without an attempt."""
    if notifications:
        _write(claim, notifications, ("status", "response"))


def _changed_fields(outcome: Outcome) -> tuple[str, ...]:
    if outcome.result is Result.DELIVERED:
        return DELIVERY_FIELDS
    return EVERY_FIELD if outcome.result is Result.AS_SAVED else FAILURE_FIELDS


def _write(claim: Claim, notifications: Sequence[Notification], fields: Iterable[str]) -> None:
    written = claim.rows(notification.pk for notification in notifications).update(
        **{field: _values(notifications, field, claim.using) for field in fields},
        modified_date=timezone.now(),
        claim_token=None,
        claimed_until=None,
    )
    if written < len(notifications):
        logger.warning(
            "%d of %d outcomes were not recorded: their notifications were deleted, or another"
            " run took them over when the lease ended.",
            len(notifications) - written,
            len(notifications),
        )


def _values(notifications: Sequence[Notification], attname: str, using: str) -> Any:
    """Return one value where all have the same, otherwise a ``CASE`` by key."""
    field = CONCRETE_FIELDS[attname]
    values = [getattr(notification, attname) for notification in notifications]
    # NULL without a type: with JSONField's it would become a JSON null.
    constants = [Value(value, None if value is None else field) for value in values]
    if all(value == values[0] for value in values):
        return constants[0]
    by_key = Case(
        *(
            When(pk=notification.pk, then=constant)
            for notification, constant in zip(notifications, constants, strict=True)
        ),
        output_field=field,
    )
    if connections[using].features.requires_casted_case_in_updates:
        return Cast(by_key, output_field=field)
    return by_key


def deactivate_records(using: str, outcomes: Iterable[Outcome]) -> None:
    """Switch off the records whose address will never work again."""
    for outcome in outcomes:
        if outcome.deactivate_record:
            record = outcome.notification.target_user_record
            # Unless the address has changed since: what was refused is the address.
            TargetUserRecord.objects.using(using).filter(
                pk=record.pk, target_user_id=record.target_user_id
            ).update(active=False, modified_date=timezone.now())
