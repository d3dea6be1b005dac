"""A test's outbox: delivered notifications stay in memory and reach no provider.

The engine is the real one: it claims, heeds opt-outs and records. Only a target's handler is not
asked.
"""

import copy
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, overload

from django.db import router
from django.utils import timezone

from ..delivery.claims.targets import targets_named
from ..delivery.handlers.outbox_hook import Deliver
from ..delivery.runs.report import Report
from ..delivery.runs.run import Run
from ..message_types.declaration import MessageType
from ..models import Notification, NotificationTarget
from ..notification_handlers import email
from ..notification_handlers.email.sender_address import sender
from ..outcome import Outcome
from .outbox_message import OutboxMessage, Text, fits, is_to, is_to_target
from .wanted_type import WantedType, wanted_type

KEPT = "Kept in the outbox."


class Outbox(Sequence[OutboxMessage]):
    """The messages that would have gone out, in order; by target with ``outbox["email"]``.

    A target's name or module name will do, in upper or lower case. Switch an outbox on with
    ``use_outbox()`` or the fixture ``notification_outbox``.

    Attributes:
        problems: The problems that made targets unusable in the last ``deliver()``, by the target's
            name.
    """

    def __init__(self) -> None:
        self.problems: dict[str, str] = {}
        self._messages: list[OutboxMessage] = []
        self._answers: list[_Answer] = []
        #: Targets are delivered to side by side.
        self._lock = threading.Lock()

    @overload
    def __getitem__(self, key: int) -> OutboxMessage: ...

    @overload
    def __getitem__(self, key: slice | str) -> list[OutboxMessage]: ...

    def __getitem__(self, key: int | slice | str) -> OutboxMessage | list[OutboxMessage]:
        """Return the message with a number, or all messages to a target.

        Raises:
            IndexError: When there is no message with the number.
            NotificationSystemError: When there is no target with the name.
        """
        if not isinstance(key, str):
            return self._messages[key]
        messages = [message for message in self._messages if is_to_target(message, key)]
        if not messages:
            require_target(key)
        return messages

    def __len__(self) -> int:
        return len(self._messages)

    def __repr__(self) -> str:
        return f"<Outbox: {self._messages}>"

    def clear(self) -> None:
        """Forget all messages."""
        self._messages.clear()

    def of(
        self, cls: type[MessageType], *, params: Mapping[str, Any] | None = None
    ) -> list[OutboxMessage]:
        """Return the messages of a type.

        Args:
            cls: The type, a registered class.
            params: Only messages with these parameters; others may be anything.

        Raises:
            TypeError: When the class is not registered, has no such parameter, or a value is of
                another kind.
        """
        wanted = WantedType(cls, params)
        return [message for message in self._messages if wanted.is_of(message)]

    def sent_to(
        self,
        user: Any,
        *,
        target: str | None = None,
        recipient: str | None = None,
        title: Text | None = None,
        body: Text | None = None,
        type: type[MessageType] | None = None,  # noqa: A002 # the word of the assertion
        params: Mapping[str, Any] | None = None,
    ) -> list[OutboxMessage]:
        """Return the messages to a user, or to an address without one, that meet all conditions.

        Args:
            user: An instance of the project's user model; or an address without a user, in any
                spelling.
            target: The target's name or module name.
            recipient: The address.
            title: The whole title, or a compiled pattern for a part of the title.
            body: The whole body, or a compiled pattern for a part of the body.
            type: The class of a type.
            params: Parameters of the type; others may be anything.

        Raises:
            TypeError: When ``type`` is no registered class, ``params`` stands without ``type``, has
                no parameter of the type, or a value of another kind.
        """
        wanted = wanted_type(type, params)
        return [
            message
            for message in self._messages
            if (wanted is None or wanted.is_of(message))
            and is_to(message, user)
            and (target is None or is_to_target(message, target))
            and (recipient is None or message.recipient == recipient)
            and fits(title, message.title)
            and fits(body, message.body)
        ]

    def deliver(
        self,
        *targets: str,
        at: datetime | None = None,
        using: str | None = None,
    ) -> list[Report]:
        """Deliver the due notifications, as ``process_notifications`` does, and return the reports.

        Args:
            targets: Names or module names of targets; all targets by default.
            at: Deliver the notifications due at this moment: a later moment shows a reminder or a
                retry. The moment counts for ``scheduled_delivery`` and ``expires_at``.
            using: The alias of the database; by default the router's choice.

        Raises:
            NotificationSystemError: When there is no target with a name.
        """
        now = timezone.now()
        run = Run(target_names=targets, using=using, due_by=max(now, at or now))
        with closing(iter(run)) as reports:
            reported = list(reports)
        self.problems = {**run.problems, **run.paused}
        return reported

    def fail_next(
        self,
        target: str | None = None,
        response: str = "The outbox was told to refuse it.",
        *,
        recipient: str | None = None,
        times: int | None = 1,
        deactivate_record: bool = False,
        opt_out: bool = False,
        hard_bounce: bool = False,
    ) -> None:
        """Let the next delivery fail for good; see ``Outcome.failed()``.

        Args:
            target: Only a delivery to this target.
            response: The provider's words.
            recipient: Only a delivery to this address.
            times: Number of deliveries; ``None``: all.
            deactivate_record: The address is bad; the record is switched off.
            opt_out: The address asked to be left alone.
            hard_bounce: There is no such address.
        """
        outcome = partial(
            Outcome.failed,
            deactivate_record=deactivate_record,
            opt_out=opt_out,
            hard_bounce=hard_bounce,
        )
        self._answer(target, recipient, times, response, outcome)

    def retry_next(
        self,
        target: str | None = None,
        response: str = "The outbox was told to take it later.",
        *,
        recipient: str | None = None,
        times: int | None = 1,
        not_before: datetime | None = None,
        unreachable: bool = False,
    ) -> None:
        """Let the next delivery fail, to be tried again; see ``Outcome.retry()``.

        Args:
            target: Only a delivery to this target.
            response: The provider's words.
            recipient: Only a delivery to this address.
            times: Number of deliveries; ``None``: all.
            not_before: The earliest time of the next attempt.
            unreachable: There is no way to the provider. The target is paused, unless a later
                message of the run gets through; no attempt is counted.
        """
        outcome = partial(Outcome.retry, not_before=not_before, unreachable=unreachable)
        self._answer(target, recipient, times, response, outcome)

    def lose_next(
        self,
        target: str | None = None,
        response: str = "The outbox was told not to answer.",
        *,
        recipient: str | None = None,
        times: int | None = 1,
    ) -> None:
        """Let nobody know whether the next delivery went out; see ``Outcome.unknown()``.

        The message is not in the outbox. The target's ``"when_unknown"`` decides about a retry.

        Args:
            target: Only a delivery to this target.
            response: The reason for the unknown outcome.
            recipient: Only a delivery to this address.
            times: Number of deliveries; ``None``: all.
        """
        self._answer(target, recipient, times, response, Outcome.unknown)

    def _answer(
        self,
        target: str | None,
        recipient: str | None,
        times: int | None,
        response: str,
        outcome: Callable[[Notification, str], Outcome],
    ) -> None:
        if target is not None:
            require_target(target)
        with self._lock:
            self._answers.append(_Answer(target, recipient, times, response, outcome))

    def hook(self, deliver: Deliver, target: NotificationTarget) -> Deliver:
        """Return a function that delivers to the outbox; see ``outbox_hook.add_outbox_hook()``.

        Args:
            deliver: The function that would deliver.
            target: The target.
        """
        is_email = deliver is email.deliver

        def deliver_here(notifications: Iterable[Notification]) -> Iterator[Outcome]:
            for notification in notifications:
                yield self._take(notification, target, is_email=is_email)

        return deliver_here

    def _take(
        self, notification: Notification, target: NotificationTarget, *, is_email: bool
    ) -> Outcome:
        mail = None
        if is_email:
            letter = email.write_letter(notification, sender())
            if isinstance(letter, Outcome):
                return letter
            mail = letter.message
        message = OutboxMessage(
            target=target.name,
            module_name=target.notification_module_name,
            recipient=notification.target_user_record.target_user_id,
            title=notification.title,
            body=notification.body,
            extra=copy.deepcopy(notification.extra or {}),
            message_id=email.sent_message_id(mail) if mail else f"outbox-{uuid.uuid4()}",
            notification=notification,
            email=mail,
        )
        with self._lock:
            for answer in self._answers:
                if answer.applies(message):
                    return answer.outcome(notification, answer.response)
            self._messages.append(message)
        return Outcome.delivered(notification, KEPT, provider_message_id=message.message_id)


@dataclass
class _Answer:
    """An answer prepared for the next deliveries."""

    target: str | None
    recipient: str | None
    times: int | None
    response: str
    outcome: Callable[[Notification, str], Outcome]

    def applies(self, message: OutboxMessage) -> bool:
        if self.times == 0:
            return False
        if self.target is not None and not is_to_target(message, self.target):
            return False
        if self.recipient is not None and message.recipient != self.recipient:
            return False
        if self.times is not None:
            self.times -= 1
        return True


def require_target(name: str, *, using: str | None = None) -> None:
    """Refuse the name of no target: the outbox could never have a message for such a name.

    Args:
        name: The target's name or module name.
        using: The alias of the database; by default the router's choice.

    Raises:
        NotificationSystemError: When there is no such target.
    """
    targets_named([name], using=using or router.db_for_read(NotificationTarget))
