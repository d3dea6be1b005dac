"""What a link in a message does: one category, or everything, and the way back."""

from dataclasses import dataclass

from django.db import router

from ..categories import Category, find_category
from ..models import ConsentLog, Preference, Suppression, TargetUserRecord
from ..targets import target_key
from .change import set_preference
from .links import Subject
from .nothing_at_all import set_everything
from .suppressions import suppress, unsuppress


@dataclass(frozen=True)
class Subscription:
    """A record and a category: what a link in a message is about.

    Attributes:
        category: The category.
        record: The record, with target and user; ``None`` where the record was deleted. The user
            may have another, and a later ``notify_addresses()`` may have made a new one.
    """

    category: Category
    record: TargetUserRecord | None

    def unsubscribe(self, *, how: str, everything: bool = False) -> None:
        """Send nothing more of the category to the record's target, or nothing of any category.

        For a user, a preference is stored; for an address without a user, the address is
        suppressed, and for everything its records are switched off, too.

        Args:
            how: A value of ``ConsentLog.How``.
            everything: Whether nothing of any category and target shall come.
        """
        if self.record is None:
            return
        key = target_key(self.record.target.notification_module_name)
        if self.record.user is None and everything:
            set_everything(key, self.record.target_user_id, wanted=False)
        elif self.record.user is None:
            suppress(
                key,
                self.record.target_user_id,
                reason=Suppression.Reason.UNSUBSCRIBED,
                category=self.category,
                how=how,
            )
        elif everything:
            set_preference(self.record.user, wanted=False, how=how)
        else:
            set_preference(self.record.user, self.category, key, wanted=False, how=how)

    def undo(self, *, everything: bool = False) -> None:
        """Take ``unsubscribe()`` back.

        Args:
            everything: As for ``unsubscribe()``.
        """
        if self.record is None:
            return
        key = target_key(self.record.target.notification_module_name)
        how = ConsentLog.How.LINK
        if self.record.user is None and everything:
            set_everything(key, self.record.target_user_id, wanted=True)
        elif self.record.user is None:
            unsuppress(
                key,
                self.record.target_user_id,
                reason=Suppression.Reason.UNSUBSCRIBED,
                category=self.category,
            )
        elif everything:
            set_preference(self.record.user, wanted=True, how=how)
        else:
            set_preference(self.record.user, self.category, key, wanted=True, how=how)


def subscription_of(subject: Subject) -> Subscription | None:
    """Return the subscription that a link is about.

    Args:
        subject: What the link's token names.

    Returns:
        The subscription, or ``None`` for a category that the project does not have any more, or
        that nobody can switch off.
    """
    category = find_category(subject.category)
    if category is None or category.mandatory:
        return None
    records = TargetUserRecord.objects.using(router.db_for_write(Preference))
    record = records.select_related("target", "user").filter(pk=subject.record_id).first()
    return Subscription(category, record)
