"""A provider's words about an address: the status they mean, hard bounces, records switched off."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

from django.db.models import F, QuerySet
from django.utils import timezone

from ...conf import engine_settings
from ...models import Notification, TargetUserRecord
from ...models.address import as_stored
from ...outcome import Outcome, Receipt

SaidT = TypeVar("SaidT", Outcome, Receipt)

#: The largest number in the column ``hard_bounces`` of a record.
MOST_HARD_BOUNCES = 32_767


def deactivate_records(using: str, outcomes: Iterable[Outcome], bounced: Collection[UUID]) -> None:
    """Count hard bounces, and switch off the records of dead addresses.

    Args:
        using: The database's alias; a transaction is open on the connection.
        outcomes: The outcomes of a batch; most refuse no address.
        bounced: The keys of the notifications whose hard bounce is to be counted.
    """
    for outcome in outcomes:
        hard_bounce = outcome.hard_bounce and outcome.notification.pk in bounced
        if outcome.deactivate_record or hard_bounce:
            refuse_address(
                with_address_of(outcome.notification.target_user_record, using=using),
                for_good=outcome.deactivate_record,
                hard_bounce=hard_bounce,
                opt_out=outcome.opt_out,
            )


def with_address_of(record: TargetUserRecord, *, using: str) -> QuerySet[TargetUserRecord]:
    """Return the record's row, unless its address has changed since the record was read.

    The provider refused the old address. A new address starts with a clean record.

    Args:
        record: The record, as read for the message.
        using: The database's alias.
    """
    return TargetUserRecord.objects.using(using).filter(
        pk=record.pk, target_user_id=as_stored(record.target_user_id)
    )


def refuse_address(
    records: QuerySet[TargetUserRecord], *, for_good: bool, hard_bounce: bool, opt_out: bool = False
) -> None:
    """Count a provider's refusal of an address; switch the record off for good or after bounces.

    ``NOTIFICATION_SYSTEM["HARD_BOUNCES"]`` says how many hard bounces are enough.

    Args:
        records: The record's row, or no row where the record has a new address by now.
        for_good: Whether the address will never work again.
        hard_bounce: Whether the provider says that no such address exists.
        opt_out: Whether the address asked to be left alone.
    """
    if hard_bounce:
        # No new modified_date: nobody has changed the record.
        records.filter(hard_bounces__lt=MOST_HARD_BOUNCES).update(
            hard_bounces=F("hard_bounces") + 1
        )
    if not for_good:
        if not hard_bounce:
            return
        records = records.filter(hard_bounces__gte=engine_settings().hard_bounces)
    reason = "opted out" if opt_out else "bounce" if hard_bounce else "refused"
    records.filter(active=True).update(
        active=False, inactive_reason=reason, modified_date=timezone.now()
    )


def status_of_refusal(said: Outcome | Receipt, notification: Notification) -> str | None:
    """Return the status of a notification whose address is refused; ``None`` for a good address.

    Args:
        said: The outcome or the receipt.
        notification: The notification, with its record loaded.
    """
    if said.opt_out:
        return Notification.OPTED_OUT
    if said.deactivate_record or (said.hard_bounce and _is_last_bounce(notification)):
        return Notification.INACTIVE_DEVICE
    return None


def without_refusal(said: SaidT) -> SaidT:
    """Return an outcome or a receipt without words about the address.

    A redirected message went to another address: the provider knows nothing of the record's.

    Args:
        said: The outcome, or the receipt.
    """
    said = replace(said, deactivate_record=False, opt_out=False, hard_bounce=False)
    return replace(said, if_all_alike="") if isinstance(said, Outcome) else said


def _is_last_bounce(notification: Notification) -> bool:
    """Return whether one more hard bounce switches the record off."""
    bounces = notification.target_user_record.hard_bounces + 1
    return bounces >= engine_settings().hard_bounces
