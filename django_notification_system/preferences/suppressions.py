"""Suppressions: nothing of a category is sent to an address, whoever the user is."""

from functools import partial
from typing import Any

from django.db import router, transaction
from django.utils import timezone

from ..categories import Category
from ..database import DEADLOCK_ATTEMPTS, despite_deadlocks
from ..exceptions import InvalidNotification, InvalidPreference
from ..models import ConsentLog, Notification, Suppression
from ..models.address import ADDRESS_MAX_LENGTH, trimmed
from ..models.locking import begin_with_a_write
from ..models.notification_queryset import NotificationQuerySet
from ..signals import address_suppressed
from ..storable import storable_text
from .addresses import hasher, records_with_address
from .lookup import refusal_of_address
from .questions import AnyTarget, known_category, known_target_key
from .restoring import restore
from .rule import NO

NOTE_MAX_LENGTH: int = Suppression._meta.get_field("note").max_length or 0

Reason = Suppression.Reason
#: The way that stands in the log of consent, by the reason.
WAYS = {
    Reason.BOUNCE: ConsentLog.How.PROVIDER,
    Reason.COMPLAINT: ConsentLog.How.PROVIDER,
    Reason.UNSUBSCRIBED: ConsentLog.How.LINK,
    Reason.STOP: ConsentLog.How.TEXT_MESSAGE,
    Reason.MANUAL: ConsentLog.How.ADMIN,
    Reason.IMPORT: ConsentLog.How.IMPORT,
}


def suppress(
    target_key: AnyTarget,
    address: str,
    *,
    reason: str,
    category: str | Category = "",
    note: str = "",
    by: Any = None,
    how: str | None = None,
) -> Suppression:
    """Send nothing more of a category to an address, mandatory messages included.

    Waiting notifications with a category, to records with this address, end at once. An address
    suppressed before keeps its row; a reason that is no wish takes the place of a wish, so that a
    later START does not lift a bounce.

    Args:
        target_key: The target, or its key, such as ``email``.
        address: The address, in any spelling.
        reason: A value of ``Suppression.Reason``.
        category: The category, or its key; empty: all categories.
        note: A note for people.
        by: The user who suppresses the address, if any; the log then says ``admin``.
        how: For the log, a value of ``ConsentLog.How``; by default what follows from the reason.

    Raises:
        InvalidPreference: When a value is wrong.
        TargetUnavailable: When the target's module cannot be imported, so that no other process
            would find the address.
    """
    using = router.db_for_write(Suppression)
    if how is not None and how not in ConsentLog.How.values:
        known = ", ".join(ConsentLog.How.values)
        raise InvalidPreference(f"how is {how!r}. Known are: {known}.", argument="how")
    if reason not in Reason.values:
        raise InvalidPreference(
            f"reason is {reason!r}. Known are: {', '.join(Reason.values)}.", argument="reason"
        )
    _refuse_unstorable("note", note)
    if len(note) > NOTE_MAX_LENGTH:
        raise InvalidPreference(
            f"note has {len(note)} characters; at most {NOTE_MAX_LENGTH} are kept.",
            argument="note",
        )
    scope = _scope(target_key, address, category, using=using)
    return despite_deadlocks(
        lambda: _suppress(scope, reason, note, by, how), attempts=DEADLOCK_ATTEMPTS, using=using
    )


def _suppress(scope: "_Scope", reason: str, note: str, by: Any, how: str | None) -> Suppression:
    using = scope.using
    with transaction.atomic(using=using):
        begin_with_a_write(Notification._base_manager.using(using))
        suppression, is_news = (
            Suppression.objects.using(using)
            .select_for_update()
            .get_or_create(
                **scope.columns(),
                defaults={"address": scope.address, "reason": reason, "note": note},
            )
        )
        if suppression.reason in Suppression.WISHES and not _is_wish(reason):
            suppression.reason, is_news = reason, True
            suppression.save(using=using, update_fields=["reason"])
        if is_news:
            scope.log(NO, reason, by=by, how=how)
            refused = refusal_of_address(suppression.reason)
            scope.rows().filter(status__in=Notification.PENDING_STATUSES).update(
                status=refused.status,
                response=refused.response,
                modified_date=timezone.now(),
            )
            told = partial(address_suppressed.send_robust, Suppression, suppression=suppression)
            transaction.on_commit(told, using=using)
    return suppression


def unsuppress(
    target_key: AnyTarget,
    address: str,
    *,
    category: str | Category = "",
    reason: str | None = None,
    by: Any = None,
) -> bool:
    """Lift the suppression of an address; return whether there was one.

    Notifications that the suppression stopped, and whose time has not come yet, are scheduled
    again.

    Args:
        target_key: The target, or its key, such as ``email``.
        address: The address, in any spelling.
        category: The category, or its key, of the suppression; empty: the one for all categories.
        reason: Lift only a suppression with this reason.
        by: The user who lifts the suppression, if any; the log then says ``admin``.

    Raises:
        InvalidPreference: When a value is wrong.
        TargetUnavailable: When the target's module cannot be imported, so that no other process
            would find the address.
    """
    using = router.db_for_write(Suppression)
    scope = _scope(target_key, address, category, using=using)
    return despite_deadlocks(
        lambda: _unsuppress(scope, reason, by), attempts=DEADLOCK_ATTEMPTS, using=using
    )


def lift(suppression: Suppression, *, by: Any = None) -> bool:
    """Lift a suppression by its row, as ``unsuppress()`` does by the address.

    The row may be of an erased address, or of a category or target that the project does not have
    any more. For an erased address no notification is scheduled again: nobody knows which.

    Args:
        suppression: The suppression.
        by: The user who lifts the suppression, if any; the log then says ``admin``.

    Returns:
        Whether the suppression was still there.

    Raises:
        TargetUnavailable: When the target's module cannot be imported, so that the notifications to
            the address cannot be found.
    """
    using = router.db_for_write(Suppression)
    scope = _Scope(
        suppression.target_key,
        suppression.address,
        suppression.address_hash,
        suppression.category,
        using=using,
    )
    return despite_deadlocks(
        lambda: _unsuppress(scope, None, by), attempts=DEADLOCK_ATTEMPTS, using=using
    )


def _unsuppress(scope: "_Scope", reason: str | None, by: Any) -> bool:
    using = scope.using
    with transaction.atomic(using=using):
        begin_with_a_write(Notification._base_manager.using(using))
        rows = Suppression.objects.using(using).select_for_update().filter(**scope.columns())
        suppression = rows.first()
        if suppression is None or (reason is not None and suppression.reason != reason):
            return False
        stopped = refusal_of_address(suppression.reason)
        suppression.delete(using=using)
        scope.log("", suppression.reason, by=by, before=NO)
        restore(scope.rows().filter(status=stopped.status, response=stopped.response), using=using)
    return True


def _scope(target: AnyTarget, address: str, category: str | Category, *, using: str) -> "_Scope":
    if not isinstance(address, str) or not trimmed(address):
        raise InvalidPreference("address is empty, or no text.", argument="address")
    _refuse_unstorable("address", address)
    address = trimmed(address)
    if len(address) > ADDRESS_MAX_LENGTH:
        raise InvalidPreference(
            f"address has {len(address)} characters; no record's has more than"
            f" {ADDRESS_MAX_LENGTH}.",
            argument="address",
        )
    key = known_target_key(target, using=using)
    of = "" if category == "" else known_category(category).key
    return _Scope(key, address, hasher(key)(address), of, using=using)


class _Scope:
    """An address in a target, and a category: the scope of a suppression.

    Args:
        key: The target's key.
        address: The address; empty when erased.
        hashed: The address's hash.
        category: The category's key; empty: all categories.
        using: The database's alias.
    """

    def __init__(self, key: str, address: str, hashed: str, category: str, *, using: str) -> None:
        self.key = key
        self.address = address
        self.hashed = hashed
        self.category = category
        self.using = using

    def columns(self) -> dict[str, str]:
        """Return the columns that are unique together."""
        return {
            "target_key": self.key,
            "address_hash": self.hashed,
            "category": self.category,
        }

    def log(
        self, after: str, reason: str, *, by: Any, before: str = "", how: str | None = None
    ) -> None:
        """Add an entry to the log of consent.

        Args:
            after: The state since; empty: none.
            reason: The suppression's reason.
            by: The user who changes the suppression, if any.
            before: The state before; empty: none.
            how: The way; by default what follows from the reason.
        """
        usual = WAYS[Reason(reason)] if by is None else ConsentLog.How.ADMIN
        ConsentLog(
            **self.columns(),
            before=before,
            after=after,
            how=how or usual,
            wording=reason,
            by=by,
        ).save(using=self.using)

    def rows(self) -> NotificationQuerySet:
        """Return the notifications with the category, to records with the address."""
        if not self.address:
            return Notification.objects.using(self.using).none()
        records = records_with_address(self.key, self.address, using=self.using)
        rows = Notification.objects.using(self.using).filter(target_user_record__in=records)
        return rows.filter(category=self.category) if self.category else rows.exclude(category="")


def _refuse_unstorable(name: str, text: str) -> None:
    try:
        storable_text(name, text)
    except InvalidNotification as error:
        raise InvalidPreference(*error.args, argument=name) from None


def _is_wish(reason: str) -> bool:
    return reason in Suppression.WISHES
