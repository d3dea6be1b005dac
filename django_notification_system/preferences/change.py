"""A person's yes or no: the preference, the log, and the notifications that wait."""

from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_ipv46_address
from django.db import router, transaction
from django.db.models import Q
from django.utils import timezone

from ..categories import Category, mandatory_keys
from ..conf import engine_settings
from ..database import DEADLOCK_ATTEMPTS, despite_deadlocks
from ..exceptions import InvalidPreference
from ..models import (
    ConsentLog,
    Notification,
    NotificationOptOut,
    Preference,
    TargetUserRecord,
)
from ..models.locking import begin_with_a_write
from ..models.notification_queryset import NotificationQuerySet
from ..on_site import reconsider_items
from ..signals import preference_changed
from ..targets import target_key
from .questions import AnyTarget, known_category, known_target_key
from .restoring import restore
from .rule import NO, PENDING, YES, opted_out_of, response_to

#: The ways that confirm a yes of a category with ``confirm``.
CONFIRMING = frozenset({ConsentLog.How.LINK, ConsentLog.How.IMPORT})
WORDING_MAX_LENGTH: int = ConsentLog._meta.get_field("wording").max_length or 0


def set_preference(
    user: Any,
    category: str | Category = "",
    target_key: AnyTarget = "",
    *,
    wanted: bool,
    how: str,
    by: Any = None,
    ip: str | None = None,
) -> str:
    """Store a person's yes or no, log the change, and end or restore what waits.

    All in one transaction. After a no, the person's waiting notifications of the category become
    ``OPTED OUT``. After a yes, those whose time has not come yet are scheduled again. Without
    category and target the word is on everything: ``NotificationOptOut``.

    Args:
        user: The person.
        category: The category, or its key; empty: all categories but the mandatory.
        target_key: The target, or its key, such as ``email``; empty: all targets.
        wanted: Yes or no.
        how: A value of ``ConsentLog.How``, such as ``page`` or ``link``. In a category with
            ``confirm``, a yes counts from ``link`` and ``import``, and is ``pending`` otherwise.
        by: The user who acts for the person, if any.
        ip: The IP address of the request; kept for a yes, where ``KEEP_IP`` is set.

    Returns:
        The state now: ``yes``, ``no`` or ``pending``.

    Raises:
        InvalidPreference: When there is no such category, target or way, or the category is
            mandatory.
    """
    using = router.db_for_write(Preference)
    if user is None or user.pk is None:
        raise InvalidPreference("user must be a saved user.", argument="user")
    if not isinstance(wanted, bool):
        raise InvalidPreference("wanted must be True or False.", argument="wanted")
    known = known_category(category) if category != "" else None
    key = known_target_key(target_key, using=using) if target_key != "" else ""
    if known is not None and known.mandatory:
        raise InvalidPreference(
            f"category {known.key!r} is mandatory: its messages are sent whatever a person prefers."
            " Offer no choice for it.",
            argument="category",
        )
    word = _Word(
        user.pk,
        known.key if known is not None else "",
        key,
        state=_state(known, key, wanted, _way(how)),
        circumstances={
            "how": _way(how),
            "by": by,
            "ip": _kept_ip(ip) if wanted else None,
            "wording": str(known.label)[:WORDING_MAX_LENGTH] if known is not None else "",
        },
        using=using,
    )
    despite_deadlocks(lambda: word.take(user), attempts=DEADLOCK_ATTEMPTS, using=using)
    return word.state


def lift_no(user: Any, category: Category, *, how: str, by: Any = None) -> str:
    """Take back a person's no to a category in all targets, and say yes to none.

    A yes in all targets would count for a target that comes later, and needs a yes of its own.

    Args:
        user: The person.
        category: The category.
        how: A value of ``ConsentLog.How``.
        by: The user who acts for the person, if any.

    Returns:
        The state now: ``pending``.
    """
    using = router.db_for_write(Preference)
    circumstances = {
        "how": _way(how),
        "by": by,
        "wording": str(category.label)[:WORDING_MAX_LENGTH],
    }
    word = _Word(user.pk, category.key, "", state=PENDING, circumstances=circumstances, using=using)
    despite_deadlocks(lambda: word.take(user), attempts=DEADLOCK_ATTEMPTS, using=using)
    return word.state


class _Word:
    """A person's word on a category in a target, on the way into the database.

    Args:
        user_id: The person's key.
        category: The category's key; empty: all categories.
        key: The target's key; empty: all targets.
        state: The word.
        circumstances: How the word came, for the log.
        using: The database's alias.
    """

    def __init__(
        self,
        user_id: Any,
        category: str,
        key: str,
        *,
        state: str,
        circumstances: dict[str, Any],
        using: str,
    ) -> None:
        self.user_id = user_id
        self.category = category
        self.key = key
        self.state = state
        self.circumstances = circumstances
        self.using = using

    def take(self, user: Any) -> None:
        """Write and log the word, and apply the word to what waits, in one transaction.

        Args:
            user: The person, for the signal.
        """
        with transaction.atomic(using=self.using):
            begin_with_a_write(Notification._base_manager.using(self.using))
            before = self.write()
            if before != self.state:
                self.log(before)
                self.apply()
                self.announce(user, before)

    def announce(self, user: Any, before: str) -> None:
        """Send the signal, once the transaction is committed."""
        told = partial(
            preference_changed.send_robust,
            Preference,
            user=user,
            category=self.category,
            target_key=self.key,
            before=before,
            after=self.state,
            how=self.circumstances["how"],
        )
        transaction.on_commit(told, using=self.using)

    def write(self) -> str:
        """Write the word, and return the word before; empty: there was none."""
        if not self.category and not self.key:
            return self._write_opt_out()
        preference, is_new = (
            Preference.objects.using(self.using)
            .select_for_update()
            .get_or_create(
                user_id=self.user_id,
                category=self.category,
                target_key=self.key,
                defaults={"state": self.state},
            )
        )
        before = "" if is_new else preference.state
        if before == YES and self.state == PENDING:
            self.state = YES  # confirmed before
        if not is_new and before != self.state:
            preference.state, preference.changed_date = self.state, timezone.now()
            preference.save(using=self.using, update_fields=["state", "changed_date"])
        return before

    def log(self, before: str) -> None:
        """Add the entry to the log."""
        ConsentLog(
            user_id=self.user_id,
            category=self.category,
            target_key=self.key,
            before=before,
            after=self.state,
            **self.circumstances,
        ).save(using=self.using)

    def apply(self) -> None:
        """End or restore the person's notifications and items that wait."""
        if not self.category and not self.key:
            return  # the opt-out's save has done so
        for key, record_ids in self._records().items():
            if self.key in ("", key):
                rows = Notification.objects.using(self.using).filter(
                    self._categories(), target_user_record__in=record_ids
                )
                if self.state == NO:
                    self._opt_out_waiting(rows)
                elif self.state == YES:
                    restore(rows.filter(status=Notification.OPTED_OUT), using=self.using)
        reconsider_items([self.user_id], using=self.using)

    def _write_opt_out(self) -> str:
        opt_outs = NotificationOptOut.objects.using(self.using).select_for_update()
        is_active, is_new = self.state == NO, False
        opt_out: NotificationOptOut | None
        if is_active:
            # Another word may make the row at the same moment.
            opt_out, is_new = opt_outs.get_or_create(user_id=self.user_id)
        else:
            opt_out = opt_outs.filter(user=self.user_id).first()
        if is_new:
            return ""
        if opt_out is None:
            return YES  # nobody has opted out, and a yes changes nothing
        before = NO if opt_out.active else YES
        if opt_out.active != is_active:
            opt_out.active = is_active
            opt_out.save(using=self.using)
        return before

    def _records(self) -> dict[str, list[Any]]:
        """Return the keys of the person's records, by the key of the target."""
        records: dict[str, list[Any]] = {}
        rows = TargetUserRecord.objects.using(self.using).filter(user=self.user_id)
        for record_id, module_name in rows.values_list("pk", "target__notification_module_name"):
            records.setdefault(target_key(module_name), []).append(record_id)
        return records

    def _categories(self) -> Q:
        if self.category:
            return Q(category=self.category)
        return ~Q(category__in=["", *mandatory_keys()])

    def _opt_out_waiting(self, rows: NotificationQuerySet) -> None:
        # No table is joined: PostgreSQL evaluates a subquery not again after a wait for a row.
        rows.filter(status__in=Notification.PENDING_STATUSES).update(
            status=Notification.OPTED_OUT,
            response=response_to(opted_out_of(self.category, self.key)),
            modified_date=timezone.now(),
        )


def _state(category: Category | None, key: str, wanted: bool, how: str) -> str:
    if not wanted:
        return NO
    is_asked = category is not None and category.confirm and (not key or category.needs_yes(key))
    return PENDING if is_asked and how not in CONFIRMING else YES


def _way(how: str) -> str:
    try:
        return ConsentLog.How(how)
    except ValueError:
        known = ", ".join(ConsentLog.How.values)
        raise InvalidPreference(
            f"how is {how!r}, which is no way. Known are: {known}.", argument="how"
        ) from None


def _kept_ip(ip: str | None) -> str | None:
    if not ip or not engine_settings().keep_ip:
        return None
    ip = ip.partition("%")[0]  # PostgreSQL stores no zone of a local address
    try:
        validate_ipv46_address(ip)
    except ValidationError:
        raise InvalidPreference(f"ip is {ip!r}, which is no IP address.", argument="ip") from None
    return ip
