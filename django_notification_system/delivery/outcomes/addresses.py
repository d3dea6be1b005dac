"""What a provider's refusals do to an address: bounces counted, records switched off."""

from collections.abc import Iterable

from django.db.models import F, QuerySet
from django.utils import timezone

from ...conf import engine_settings
from ...models import Notification, TargetUserRecord
from ...models.address import as_stored
from ...outcome import Outcome

#: The largest that the column of a record's hard bounces holds.
MOST_HARD_BOUNCES = 32_767


def deactivate_records(using: str, outcomes: Iterable[Outcome]) -> None:
    """Switch off the records whose address will never work again, and count hard bounces."""
    for outcome in outcomes:
        if outcome.deactivate_record or outcome.hard_bounce:
            refuse_address(
                with_address_of(outcome.notification.target_user_record, using=using),
                for_good=outcome.deactivate_record,
                hard_bounce=outcome.hard_bounce,
            )


def with_address_of(record: TargetUserRecord, *, using: str) -> QuerySet[TargetUserRecord]:
    """Return the record's row, unless its address has changed since the record was read.

    What was refused is the address.
    """
    return TargetUserRecord.objects.using(using).filter(
        pk=record.pk, target_user_id=as_stored(record.target_user_id)
    )


def refuse_address(
    records: QuerySet[TargetUserRecord], *, for_good: bool, hard_bounce: bool
) -> None:
    """Note that a provider refuses an address; switch it off for good, or after enough of these.

    Args:
        records: The record, if its address is still the one that was refused.
        for_good: Whether the address will never work again.
        hard_bounce: Whether the provider says that there is no such address.
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
    records.filter(active=True).update(active=False, modified_date=timezone.now())


def is_last_bounce(notification: Notification) -> bool:
    """Tell whether one more hard bounce switches the record off."""
    bounces = notification.target_user_record.hard_bounces + 1
    return bounces >= engine_settings().hard_bounces
