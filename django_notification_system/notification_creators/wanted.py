"""The recipients who want a category: preferences and suppressions, asked for before the insert."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ..categories import category_of
from ..models import NotificationTarget, Suppression
from ..on_site import INBOX
from ..preferences.addresses import hasher_where_delivered
from ..preferences.lookup import (
    Refusal,
    reason_among,
    reasons_of,
    refusal_of_address,
    refusal_of_user,
    states_of,
)
from ..preferences.rule import refusal
from ..targets import target_key
from .recipient import Record


class Wanted:
    """Leaves out the recipients who do not want a category, and suppressed addresses.

    Without a category nothing is asked and nobody is left out.

    Args:
        category: The key of the category, or an empty text.
        targets: The targets, by key.
        using: The database's alias.

    Attributes:
        refused: Why somebody was left out, by the key of the user; of the record without a user.
    """

    def __init__(
        self, category: str, targets: Mapping[Any, NotificationTarget], *, using: str
    ) -> None:
        self._category = category_of(category) if category else None
        self._keys = {
            pk: target_key(target.notification_module_name) for pk, target in targets.items()
        }
        self._using = using
        self._has_suppressions = False
        self.refused: dict[Any, Refusal] = {}

    def begin(self) -> None:
        """Ask, once for the call, whether the targets have suppressions at all."""
        if self._category is None:
            return
        rows = Suppression.objects.using(self._using)
        keys = sorted(set(self._keys.values()))
        self._has_suppressions = rows.filter(target_key__in=keys).exists()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns to read of a record."""
        return ("pk", "user", "target", *(["target_user_id"] * self._has_suppressions))

    def among(self, records: Iterable[Record]) -> Iterable[Record]:
        """Return the records that shall get a notification, with at most two queries.

        Args:
            records: Records of a batch of users, with ``columns``.
        """
        self.refused = {}
        if self._category is None:
            return records
        records = self._wanted(list(records), self._keys)
        return self._without_suppressed(records) if self._has_suppressions else records

    def users(self, user_ids: Collection[Any], target_id: Any) -> list[Any]:
        """Return the users who want the category in a target, with at most one query.

        Args:
            user_ids: The users' keys.
            target_id: The target's key.
        """
        if self._category is None:
            return list(user_ids)
        return self._users(user_ids, target_id, self._keys)

    def readers(self, user_ids: Collection[Any]) -> list[Any]:
        """Return the users who want the category in their inbox, with at most one query.

        Args:
            user_ids: The users' keys.
        """
        self.refused = {}
        return self._users(user_ids, INBOX, {INBOX: INBOX})

    def _users(
        self, user_ids: Collection[Any], target_id: Any, keys: Mapping[Any, str]
    ) -> list[Any]:
        records = [(None, user_id, target_id) for user_id in user_ids]
        return [user_id for _, user_id, _ in self._wanted(records, keys)]

    def _wanted(self, records: Sequence[Record], keys: Mapping[Any, str]) -> Sequence[Record]:
        category = self._category
        if category is None or category.mandatory or not records:
            return records
        user_ids = {record[1] for record in records} - {None}
        if not user_ids:
            return records
        states = states_of(user_ids, [category.key], keys.values(), using=self._using)
        kept = []
        for record in records:
            _, user_id, target_id, *_ = record
            said = refusal(category, keys[target_id], states.get(user_id, {}))
            if said and user_id is not None:  # nobody decides for an address without a user
                self.refused[user_id] = refusal_of_user(said)
            else:
                kept.append(record)
        return kept

    def _without_suppressed(self, records: Sequence[Record]) -> Sequence[Record]:
        category = self._category
        if category is None or not records:
            return records
        # Without a hash, a record counts as wanted here: the delivering process asks again.
        hashers = {pk: hasher_where_delivered(key) for pk, key in self._keys.items()}
        hashes = [
            hash_of(address) if (hash_of := hashers[target_id]) else ""
            for _, _, target_id, address in records
        ]
        reasons = reasons_of(hashes, [category.key], self._keys.values(), using=self._using)
        kept = []
        for record, hashed in zip(records, hashes, strict=True):
            reason = reason_among(reasons, hashed, category.key)
            if reason:
                user_id = record[1]
                place = record[0] if user_id is None else user_id
                self.refused[place] = refusal_of_address(reason)
            else:
                kept.append(record)
        return kept
