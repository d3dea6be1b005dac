"""What a link in a message does: one category, or everything, and the way back."""

from dataclasses import dataclass

from django.db import router

from ..categories import Category, find_category
from ..models import ConsentLog, Preference, TargetUserRecord
from ..targets import target_key
from .links import Subject
from .owners import owner_of


@dataclass(frozen=True)
class Unsubscription:
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

        Raises:
            TargetUnavailable: When the record has no user, and the target's module cannot be
                imported.
        """
        self._store(how=how, everything=everything, wanted=False)

    def undo(self, *, everything: bool = False) -> None:
        """Take ``unsubscribe()`` back: messages of the category come to the record's target.

        A user's no to the category in all targets is moved to the other targets.

        Args:
            everything: As for ``unsubscribe()``.

        Raises:
            TargetUnavailable: As ``unsubscribe()``.
        """
        self._store(how=ConsentLog.How.LINK, everything=everything, wanted=True)

    def _store(self, *, how: str, everything: bool, wanted: bool) -> None:
        if self.record is None:
            return
        owner = owner_of(self.record, how=how)
        if everything:
            owner.set(None, "", wanted=wanted)
        else:
            key = target_key(self.record.target.notification_module_name)
            owner.set(self.category, key, wanted=wanted)


def unsubscription_of(subject: Subject) -> Unsubscription | None:
    """Return the unsubscription that a link is about.

    Args:
        subject: What the link's token names.

    Returns:
        The unsubscription, or ``None`` for a category that the project does not have any more, or
        that nobody can switch off.
    """
    category = find_category(subject.category)
    if category is None or category.mandatory:
        return None
    records = TargetUserRecord.objects.using(router.db_for_write(Preference))
    record = records.select_related("target", "user").filter(pk=subject.record_id).first()
    return Unsubscription(category, record)
