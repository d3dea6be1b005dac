"""From users to rows, batch by batch: the way of every new notification."""

import copy
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connections, transaction
from django.utils import timezone

from ..categories import heeds_opt_outs
from ..database import DEADLOCK_ATTEMPTS, despite_deadlocks
from ..draft import Draft
from ..exceptions import (
    InvalidNotification,
    NotificationsNotCreated,
    UserHasNoTargetRecords,
    UserIsOptedOut,
)
from ..models import Notification, NotificationOptOut, NotificationTarget, TargetUserRecord
from ..models.locking import begin_with_a_write, share_locked_keys
from ..models.opted_out import is_opted_out
from ..preferences.lookup import Refusal
from .bulk import insert_notifications
from .inbox import InboxOfCall
from .made_meanwhile import keys_made_here
from .nothing_created import Tally
from .recipient import Content, Recipient
from .recipients import key_batches
from .registry import FoundCreator, find_creator
from .validate_content import (
    attachments_refused,
    retry_interval_of,
    takes_attachments,
    validate_content,
)
from .wanted import Wanted

#: How many users are read, and notified, at a time.
BATCH_SIZE = 2500
#: Arguments that a project's creator may lack: what a notification would lose, and the words for
#: the other way.
LOST_WITHOUT_ARGUMENT = {
    "idempotency_key": ("it could notify twice", "a key"),
    "expires_at": ("what it makes would never expire", "it"),
    "priority": ("what it makes would have none", "it"),
    "category": ("nobody could switch off what it makes", "it"),
    "attachments": ("what it makes would have none", "them"),
}


class Creation:
    """Makes the notifications of one call, in one transaction.

    Args:
        content: The content.
        targets: The chosen targets.
        using: The database's alias.
        everywhere: Whether ``targets`` are all targets. Then a project's creator is called only for
            users with a record in its target.
        with_creators: Whether the project's own creators serve their targets.
        inbox: Writes into the inbox; ``None``: no inbox is among the targets.
    """

    def __init__(
        self,
        content: Content,
        targets: Sequence[NotificationTarget],
        *,
        using: str,
        everywhere: bool = False,
        with_creators: bool = False,
        inbox: InboxOfCall | None = None,
    ) -> None:
        self.content = content
        self.draft = draft = content.draft
        self.targets = {target.pk: target for target in targets}
        self.using = using
        self.everywhere = everywhere
        self.with_creators = with_creators
        self.scheduled_delivery: datetime = draft.scheduled_delivery or timezone.now()
        self.tally = Tally()
        self._inbox = inbox
        self._wanted = Wanted(draft.category, self.targets, using=using)
        self._creators: dict[Any, FoundCreator | None] = {}
        self._intervals: dict[Any, int | None] = {}
        #: The keys of the targets that send files.
        self._with_files: set[Any] = set()
        #: The keys of the users whom a target's creator has been asked for, by the target's key.
        self._asked: defaultdict[Any, set[Any]] = defaultdict(set)

    def run(self, users: Any) -> Tally:
        """Notify all the users, or none if an error is raised.

        Args:
            users: A user, or an iterable or queryset of users.

        Returns:
            The counts of users and of new notifications.

        Raises:
            InvalidNotification: When the content could never be delivered, or ``users`` has a
                non-user.
            TargetUnavailable: When a project's creator cannot be imported.
        """
        if self._inbox is not None:
            self._inbox.check(self.targets)
        if not self.everywhere:
            # Outside the transaction, because a storage may be asked for attachments.
            for target in self.targets.values():
                self._prepare(target)
        # An iterator cannot be read a second time.
        attempts = 1 if isinstance(users, Iterator) else DEADLOCK_ATTEMPTS
        return despite_deadlocks(lambda: self._run(users), attempts=attempts, using=self.using)

    def _run(self, users: Any) -> Tally:
        self.tally = Tally()
        self._asked.clear()
        with transaction.atomic(using=self.using):
            begin_with_a_write(Notification.objects.using(self.using))
            self._wanted.begin()
            if self._inbox is not None:
                self._inbox.begin()
            for keys in key_batches(users, BATCH_SIZE):
                self.tally.users += len(keys)
                self.tally.last_user = keys[-1]
                self._notify(keys)
        return self.tally

    def _notify(self, keys: list[Any]) -> None:
        #: By target with a creator of the project's own: the keys of the users for the creator.
        by_creator: dict[Any, dict[Any, None]] = {}
        if not self.everywhere:
            every_key = dict.fromkeys(keys)
            by_creator = {pk: every_key for pk, creator in self._creators.items() if creator}
        recipients = []
        refused = self._write_items(keys)
        records = self._wanted.among(self._records(keys, leave_out=by_creator))
        for record in records:
            record_id, user_id, target_id, *_address = record
            target = self.targets[target_id]
            if self._prepare(target) is None:
                if draft := self.content.for_record(record, target):
                    recipients.append(Recipient(record_id, target_id, self._marked(draft, target)))
            else:
                by_creator.setdefault(target_id, {})[user_id] = None
        opted_out: set[Any] = set()
        recipients = self._still_there(recipients)
        if recipients:
            self.tally.reached = True
            self.tally.add(
                insert_notifications(
                    recipients,
                    self.scheduled_delivery,
                    using=self.using,
                    intervals=self._intervals,
                    with_files=self._with_files,
                )
            )
        for target_id, user_ids in by_creator.items():
            # With ``everywhere`` the users come from the wanted records.
            asked = user_ids if self.everywhere else self._wanted.users(user_ids, target_id)
            opted_out |= self._ask_creator(self.targets[target_id], list(asked))
        if not self.tally.reached:
            self._count_refusals(keys, opted_out, {**refused, **self._wanted.refused})

    def _write_items(self, keys: list[Any]) -> Mapping[Any, Refusal]:
        """Write into the inbox, if asked; return why some users of a batch do not want an item."""
        if self._inbox is None:
            return {}
        reached, written = self._inbox.write(keys, self._wanted.readers)
        self.tally.add_items(written)
        if reached:
            self.tally.reached = True
        return self._wanted.refused

    def _marked(self, draft: Draft, target: NotificationTarget) -> Draft:
        return draft if self._inbox is None else self._inbox.marked(draft, target)

    def _count_refusals(
        self, keys: list[Any], opted_out: set[Any], refused: Mapping[Any, Refusal]
    ) -> None:
        """Count the users who are not notified by their own word, or whose address is suppressed.

        Args:
            keys: The keys of the users of a batch.
            opted_out: The keys of those who are known to have opted out.
            refused: Why some users are not notified, by the key of the user.
        """
        if heeds_opt_outs(self.draft.category):
            opted_out |= set(
                NotificationOptOut.objects.using(self.using)
                .filter(user__in=keys, active=True)
                .values_list("user", flat=True)
            )
        self.tally.opted_out += len(opted_out)
        self.tally.refuse([why for user_id, why in refused.items() if user_id not in opted_out])

    def _records(self, keys: list[Any], *, leave_out: Any) -> Any:
        """Return the active records of the users whom no opt-out stops."""
        targets = [pk for pk in self.targets if pk not in leave_out]
        if not targets:
            return []
        rows = TargetUserRecord.objects.using(self.using).filter(
            user__in=keys, target__in=targets, active=True
        )
        if heeds_opt_outs(self.draft.category):
            rows = rows.exclude(user__notification_opt_out__active=True)
        return self.content.read(rows, self._wanted.columns)

    def _still_there(self, recipients: list[Recipient]) -> list[Recipient]:
        """Leave out records that were deleted meanwhile, and let nobody delete the others."""
        if connections[self.using].vendor == "sqlite" or not recipients:
            return recipients  # nobody else writes
        rows = TargetUserRecord.objects.using(self.using)
        # Without the users and opt-outs of the first query, which MariaDB would lock as well.
        chosen = rows.filter(pk__in=[each.record_id for each in recipients])
        there = share_locked_keys(chosen.order_by("pk"))
        return [each for each in recipients if each.record_id in there]

    def _prepare(self, target: NotificationTarget) -> FoundCreator | None:
        """Return the project's creator for a target; without one, check the target's rules."""
        if target.pk not in self._creators:
            creator = find_creator(target) if self.with_creators else None
            if creator is None:
                validate_content(target, self.content.for_target(target))
                self._prepare_files(target)
                self._intervals[target.pk] = retry_interval_of(target)
            else:
                _refuse_what_is_not_taken(creator, self.draft)
            self._creators[target.pk] = creator
        return self._creators[target.pk]

    def _prepare_files(self, target: NotificationTarget) -> None:
        """Note that a target sends files, or refuse a target that was chosen and sends none."""
        if not self.draft.attachments:
            return
        if takes_attachments(target):
            self._with_files.add(target.pk)
        elif not self.everywhere:
            raise attachments_refused(target)

    def _ask_creator(self, target: NotificationTarget, user_ids: Sequence[Any]) -> set[Any]:
        """Let the project's creator notify the users; return the keys of the opted-out users."""
        creator = self._creators[target.pk]
        assert creator is not None  # noqa: S101 # those without one are not asked
        # A queryset with a join, or an iterable, may name a user in two batches.
        new_ids = [user_id for user_id in user_ids if user_id not in self._asked[target.pk]]
        self._asked[target.pk].update(new_ids)
        users = (
            get_user_model()
            ._base_manager.using(self.using)
            .filter(pk__in=new_ids)
            .select_related("notification_opt_out")
        )
        opted_out = set()
        with keys_made_here() as keys:
            for user in users:
                if is_opted_out(user, self.draft.category):
                    opted_out.add(user.pk)
                elif draft := self.content.for_user(user, target):
                    opted_out.update(self._opted_out(creator, self._marked(draft, target), user))
        made = Notification.objects.using(self.using).filter(pk__in=keys)
        self.tally.add_unnamed(made.count() if keys else 0)
        return opted_out

    def _opted_out(self, creator: FoundCreator, draft: Draft, user: Any) -> Iterator[Any]:
        """Let the creator notify a user; yield the user's key if the user has opted out."""
        try:
            creator.create_notification(user=user, **_arguments(creator, draft))
        except InvalidNotification:
            raise
        except UserIsOptedOut:
            yield user.pk
        except UserHasNoTargetRecords:
            pass
        except NotificationsNotCreated:
            self.tally.reached = True
        else:
            self.tally.reached = True


def _arguments(creator: FoundCreator, draft: Draft) -> dict[str, Any]:
    """Return the caller's arguments; for missing arguments the creator has its own defaults."""
    optional = {
        "scheduled_delivery": draft.scheduled_delivery,
        "extra": copy.deepcopy(draft.extra) or None,
        "retry_time_interval": draft.retry_time_interval,
        "max_retries": draft.max_retries if creator.takes("max_retries") else None,
        "idempotency_key": draft.idempotency_key,
        "expires_at": draft.expires_at,
        "priority": draft.priority or None,
        "category": draft.category or None,
        "attachments": [(each.name, each.content, each.mimetype) for each in draft.attachments]
        or None,
    }
    given = {name: value for name, value in optional.items() if value is not None}
    return {"title": draft.title, "body": draft.body, **given}


def _refuse_what_is_not_taken(creator: FoundCreator, draft: Draft) -> None:
    """Refuse a notification of which a project's creator would lose a part without a word."""
    given = {
        "idempotency_key": draft.idempotency_key is not None,
        "expires_at": draft.expires_at is not None,
        "priority": bool(draft.priority),
        "category": bool(draft.category),
        "attachments": bool(draft.attachments),
    }
    for argument, (loss, otherwise) in LOST_WITHOUT_ARGUMENT.items():
        if given[argument] and not creator.takes(argument):
            raise InvalidNotification(
                f"create_notification() in {creator.source} takes no {argument}, so {loss}. Add the"
                f" parameter, or notify without {otherwise}.",
                argument=argument,
            )
