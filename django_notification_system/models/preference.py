"""Preferences: each person's word on a category in a target, and nothing that nobody decided."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connections, models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ..batches import batched
from ..categories import (
    KEY_MAX_LENGTH,
    TARGET_KEY_MAX_LENGTH,
    find_category,
    named_target_keys,
    unknown_category,
)
from ..database import DEADLOCK_ATTEMPTS, despite_deadlocks
from ..exceptions import InvalidPreference
from ..on_site import inbox_keys, reconsider_items
from ..targets import built_in_keys, target_key
from .consent_log import ConsentLog
from .keys import new_key
from .locking import begin_with_a_write
from .notification import Notification
from .target import NotificationTarget

#: How many preferences a statement writes.
SET_AT_ONCE = 2000


class PreferenceQuerySet(models.QuerySet["Preference"]):
    """Writing many preferences."""

    def bulk_set(
        self,
        preferences: Iterable["Preference"],
        *,
        how: str,
        by: Any = None,
        keep_moments: bool = False,
    ) -> int:
        """Write many preferences and their log, 2,000 in a transaction.

        Waiting notifications stay as they are: a run asks for preferences right before it sends.
        No signal is sent. An entry that changes nothing is not logged.

        Args:
            preferences: Unsaved preferences. Of two for one user, category and target, the last
                counts.
            how: A value of ``ConsentLog.How``.
            by: The user who writes, if somebody acts for others.
            keep_moments: Whether ``changed_date`` of each preference is when the person spoke. A
                later word in the database then stays.

        Returns:
            How many preferences are new or changed.

        Raises:
            InvalidPreference: When a preference could never count: there is no such category,
                target or state, or the category is mandatory. The message names the position.
            ValueError: When there is no such way.
        """
        self._for_write = True
        changed, way = 0, ConsentLog.How(how)
        refuse_ineffective = _Known(self.db).refuse_ineffective
        for batch_with_places in batched(enumerate(preferences), SET_AT_ONCE):
            for position, preference in batch_with_places:
                refuse_ineffective(position, preference)
            batch = [preference for _position, preference in batch_with_places]
            set_batch = partial(self._set, batch, way, by, keep_moments)
            changed += despite_deadlocks(set_batch, attempts=DEADLOCK_ATTEMPTS, using=self.db)
        return changed

    bulk_set.alters_data = True  # type: ignore[attr-defined] # Django's mark for templates

    def _set(
        self, batch: list["Preference"], how: "ConsentLog.How", by: Any, keep_moments: bool
    ) -> int:
        wanted = {preference.place: preference for preference in batch}
        now = timezone.now()
        for preference in () if keep_moments else wanted.values():
            preference.changed_date = now
        with transaction.atomic(using=self.db):
            begin_with_a_write(Notification._base_manager.using(self.db))
            known = (
                self.using(self.db)
                .filter(user__in={preference.user_id for preference in wanted.values()})
                .select_for_update()
            )
            rows = {preference.place: preference for preference in known.order_by("pk")}
            before = {place: preference.state for place, preference in rows.items()}
            changed = [
                preference
                for place, preference in wanted.items()
                if before.get(place) != preference.state
                and not (
                    keep_moments
                    and place in rows
                    and rows[place].changed_date > preference.changed_date
                )
            ]
            # In one order always, so that two imports at once never deadlock.
            changed.sort(key=lambda preference: tuple(map(str, preference.place)))
            has_target = connections[self.db].features.supports_update_conflicts_with_target
            self.using(self.db).bulk_create(
                changed,
                update_conflicts=True,
                unique_fields=["user", "category", "target_key"] if has_target else None,
                update_fields=["state", "changed_date"],
            )
            ConsentLog.objects.using(self.db).bulk_create(
                ConsentLog(
                    user_id=preference.user_id,
                    category=preference.category,
                    target_key=preference.target_key,
                    before=before.get(preference.place, ""),
                    after=preference.state,
                    how=how,
                    by=by,
                    at=preference.changed_date,
                )
                for preference in changed
            )
            reconsider_items({each.user_id for each in changed}, using=self.db)
        return len(changed)


class _Known:
    """The categories and targets that a preference may name.

    Args:
        using: The database's alias.
    """

    def __init__(self, using: str) -> None:
        names = NotificationTarget.objects.using(using).values_list(
            "notification_module_name", flat=True
        )
        keys = {target_key(name) for name in names}
        self._target_keys = {"", *keys, *built_in_keys(), *named_target_keys(), *inbox_keys()}

    def refuse_ineffective(self, position: int, preference: "Preference") -> None:
        """Refuse a preference that no run would heed: a no in vain is worse than an error.

        Args:
            position: The place among the caller's preferences.
            preference: The preference.

        Raises:
            InvalidPreference: When the preference could never count.
        """
        place, key = f"preferences[{position}]", preference.category
        if preference.state not in Preference.State.values:
            known = ", ".join(Preference.State.values)
            raise InvalidPreference(
                f"{place}: state is {preference.state!r}. Known are: {known}.",
                argument="preferences",
            )
        category = find_category(key)
        if category is None and key != "":
            raise InvalidPreference(f"{place}: {unknown_category(key)}", argument="preferences")
        if category is not None and category.mandatory:
            raise InvalidPreference(
                f"{place}: category {key!r} is mandatory: its messages are sent whatever a person"
                " prefers. Leave the row out.",
                argument="preferences",
            )
        if preference.target_key not in self._target_keys:
            known = ", ".join(sorted(self._target_keys - {""}))
            raise InvalidPreference(
                f"{place}: target_key is {preference.target_key!r}, and no target has this key."
                f" Known are the keys {known}.",
                argument="preferences",
            )
        if not key and not preference.target_key:
            raise InvalidPreference(
                f"{place} has neither category nor target_key: save a NotificationOptOut for a word"
                " on everything.",
                argument="preferences",
            )


class Preference(models.Model):
    """A person's word on a category in a target.

    The table has only what a person has decided. ``NotificationOptOut`` has the word on everything.
    ``preferences.set_preference()`` writes the row, the log and the waiting notifications; so
    prefer that function to saving a row.

    Attributes:
        user: The person. Backwards: ``user.notification_preferences``.
        category: The key of the category; empty: all categories but the mandatory.
        target_key: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``; empty: all targets.
        state: The person's word.
        changed_date: When the word was last changed.
        id: The key.
    """

    class State(models.TextChoices):
        """A person's word."""

        #: The person wants the messages.
        YES = "yes", pgettext_lazy("preference", "Yes")
        #: The person does not want the messages.
        NO = "no", pgettext_lazy("preference", "No")
        #: The person said yes, and a link must still confirm the yes.
        PENDING = "pending", _("To be confirmed")

    id = models.UUIDField(primary_key=True, default=new_key, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        db_index=False,  # the constraint's index begins with the user
        related_name="notification_preferences",
        verbose_name=_("user"),
    )
    category = models.CharField(
        _("category"), max_length=KEY_MAX_LENGTH, blank=True, default="", db_default=""
    )
    target_key = models.CharField(
        _("target"), max_length=TARGET_KEY_MAX_LENGTH, blank=True, default="", db_default=""
    )
    state = models.CharField(_("state"), max_length=8, choices=State)
    changed_date = models.DateTimeField(_("changed"), default=timezone.now)

    objects = PreferenceQuerySet.as_manager()

    class Meta:
        db_table = "notification_system_preference"
        verbose_name = _("preference")
        verbose_name_plural = _("preferences")
        constraints = [
            # No column may be NULL: databases take two NULLs for different.
            models.UniqueConstraint(
                fields=["user", "category", "target_key"], name="preference_unique"
            ),
            # The word on everything is NotificationOptOut's.
            models.CheckConstraint(
                condition=~models.Q(category="", target_key=""), name="preference_of_something"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.category or '*'} / {self.target_key or '*'}: {self.state}"

    @property
    def place(self) -> tuple[Any, str, str]:
        """The user's key, the category and the target's key, which are unique together."""
        return self.user_id, self.category, self.target_key
