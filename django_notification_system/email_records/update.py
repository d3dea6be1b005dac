"""Bring the email records in line with the users' addresses, batch by batch."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, connections, router, transaction
from django.utils.translation import gettext as _

from ..exceptions import NotificationSystemError
from ..models import NotificationTarget, TargetUserRecord
from ..models.target import email_target
from .rules import Plan, Record, User, UserResult, plan
from .store import Overtaken, change_records, insert_records
from .users import UserReader

#: How often a user is tried whose records change meanwhile.
TRIES = 3


@dataclass(frozen=True)
class UsersDone:
    """The results of some users.

    Attributes:
        results: How many users have each result.
        invalid: Users whose address is no address.
        failed: Users whose records could not be stored.
    """

    results: Counter[UserResult] = field(default_factory=Counter)
    invalid: list[User] = field(default_factory=list)
    failed: list[User] = field(default_factory=list)

    def add(self, other: "UsersDone") -> None:
        """Add another batch's results.

        Args:
            other: The results of the other batch.
        """
        self.results.update(other.results)
        self.invalid.extend(other.invalid)
        self.failed.extend(other.failed)


class EmailRecords:
    """The records of the email target.

    Args:
        using: The database's alias; by default the router's choice.

    Raises:
        NotificationSystemError: When no email target exists, or the user model has no field for an
            email address.
    """

    def __init__(self, *, using: str | None = None) -> None:
        self.using = using or router.db_for_write(TargetUserRecord)
        self.target = _known_email_target(self.using)
        self.users = UserReader(self.using)
        self._records = TargetUserRecord.objects.using(self.using)
        # The usual collations of MySQL and MariaDB ignore the case of addresses.
        folds_case = connections[self.using].vendor == "mysql"
        self._comparable = str.casefold if folds_case else str

    def update(self, *, batch_size: int, dry_run: bool = False) -> Iterator[UsersDone]:
        """Bring the records in line with the users' addresses.

        Records are written in bulk, so that Django sends no signals for them.

        Args:
            batch_size: How many users are read at a time, and written for in one transaction.
            dry_run: Plan the changes, and write none.

        Yields:
            Every batch's results, as soon as the batch is stored.
        """
        for users in self.users.batches(batch_size):
            yield self._preview(users) if dry_run else self._store(users)

    def _preview(self, users: Sequence[User]) -> UsersDone:
        return _batch(self._plans(users))

    def _store(self, users: Sequence[User], tries: int = TRIES) -> UsersDone:
        """Carry out the plans; where another writer was quicker, plan anew for fewer users."""
        plans = self._plans(users)
        try:
            self._write(plans)
        except (IntegrityError, Overtaken):
            return self._store_apart(users, tries)
        return _batch(plans)

    def _store_apart(self, users: Sequence[User], tries: int) -> UsersDone:
        if len(users) == 1 and tries == 1:
            return UsersDone(Counter({UserResult.FAILED: 1}), failed=list(users))
        middle = len(users) // 2
        both = UsersDone()
        for part in (users[:middle], users[middle:]):
            if part:
                present = self.users.again(user.key for user in part)
                both.add(self._store(present, tries - 1 if len(users) == 1 else tries))
        return both

    def _plans(self, users: Sequence[User]) -> Sequence[tuple[User, Plan]]:
        records = self._records_of(users)
        return [(user, plan(user, records.get(user.key, ()), self._comparable)) for user in users]

    def _records_of(self, users: Sequence[User]) -> Mapping[Any, Sequence[Record]]:
        by_user: defaultdict[Any, list[Record]] = defaultdict(list)
        if not users:
            return by_user
        # The users come in the order of their keys; a range takes a tenth of the time of a list
        # with thousands of keys.
        records = self._records.filter(
            target=self.target, user__gte=users[0].key, user__lte=users[-1].key
        ).values_list("user", "id", "target_user_id", "description", "active", "origin")
        for user_key, record_id, address, description, active, origin in records:
            by_user[user_key].append(Record(record_id, address, description, active, origin))
        return by_user

    def _write(self, plans: Sequence[tuple[User, Plan]]) -> None:
        new = [user for user, planned in plans if planned.create]
        changes = [change for _user, planned in plans for change in planned.changes]
        if not new and not changes:
            return
        with transaction.atomic(using=self.using):
            if changes:
                change_records(changes, using=self.using)
            if new:
                insert_records(new, self.target, using=self.using)


def _known_email_target(using: str) -> NotificationTarget:
    target = email_target(using=using)
    if target is None:
        raise NotificationSystemError(
            _(
                "There is no email target. Create a notification target whose module name is"
                " “email”, in the admin for instance."
            )
        )
    return target


def _batch(plans: Iterable[tuple[User, Plan]]) -> UsersDone:
    batch = UsersDone()
    for user, planned in plans:
        batch.results[planned.result] += 1
        if planned.result is UserResult.INVALID:
            batch.invalid.append(user)
    return batch
