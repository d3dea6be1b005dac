"""Handlers in the manner of release 1.5.3, wrapped as ``deliver(notifications)``."""

import copy
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.db import DEFAULT_DB_ALIAS

from ...database import patiently
from ...exceptions import TargetUnavailable
from ...models import Notification
from ...observing.log import log_fields
from ...observing.observers import provider_call
from ...outcome import Outcome, OutcomeKind
from .on_its_way import Released, begin_sending
from .without_user import said_of_error

logger = logging.getLogger("django_notification_system")

SendNotification = Callable[[Notification], Any]

STATUSES = tuple(dict(Notification.STATUS_CHOICES))
#: A change here says that the handler has ended its attempt.
PROGRESS = ("status", "scheduled_delivery")
#: The fields that a handler may save; all others are the engine's.
SAVED_FIELDS = tuple(
    field.attname
    for field in Notification._meta.concrete_fields
    if field.attname
    not in {
        "id",
        "digest",
        "claim_token",
        "claimed_until",
        "interruptions",
        "created_date",
        "modified_date",
    }
)


def deliver_one_by_one(
    send_notification: SendNotification, source: str
) -> Callable[[Iterable[Notification]], Iterator[Outcome]]:
    """Wrap ``send_notification(notification) -> str`` as ``deliver(notifications)``.

    The function may set and save the notification's status, as in release 1.5.3, or return an
    ``Outcome``. The engine captures a ``save()`` and records the values later, only while the run's
    token holds. So a late ``save()`` cannot undo an opt-out or another run's outcome.

    Args:
        send_notification: The project's function.
        source: The function's file or dotted name, for messages to people.
    """

    def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for notification in notifications:
            yield _attempt(send_notification, notification, source)

    return deliver


class CapturedSave:
    """Stands in for a notification's ``save()`` while its handler is at work.

    Attributes:
        was_called: Whether the handler saved.
        outcome: The outcome that ``send_and_save()`` would have saved, where the handler called a
            built-in handler.
    """

    def __init__(self) -> None:
        self.was_called = False
        self.outcome: Outcome | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        """Remember the call."""
        self.was_called = True


def _attempt(send: SendNotification, notification: Notification, source: str) -> Outcome:
    before = _Snapshot(notification)
    captured = CapturedSave()
    notification.save = captured  # type: ignore[method-assign] # for this call only
    module_name = notification.target_user_record.target.notification_module_name
    begin_sending(notification)
    try:
        with provider_call(module_name, (notification,)) as call:
            returned = send(notification)
            if failure := _failure(returned, captured, notification):
                call.fail(failure)
    except (TargetUnavailable, Released):
        raise
    except BaseException as error:  # see HANDLER_ERRORS of the lane
        logger.exception(
            "%s raised while delivering notification %s.",
            source,
            notification.pk,
            extra=log_fields(notification=notification),
        )
        said = said_of_error(error, notification, source)
        if captured.was_called and before.has_moved_on():
            return Outcome.as_saved(notification, said, before.changed_fields())
        return Outcome.unknown(notification, said)
    finally:
        del notification.save  # the class's own again
    if isinstance(returned, Outcome):
        return returned
    if captured.outcome is not None:
        return captured.outcome
    if notification.status not in STATUSES:
        invented = notification.status
        before.restore()
        return Outcome.unknown(
            notification,
            f"send_notification() in {source} saved the status {invented!r}, which there is not."
            f" The statuses are {', '.join(STATUSES)}.",
        )
    if captured.was_called and before.has_moved_on():
        response = _response(returned, notification)
        return Outcome.as_saved(notification, response, before.changed_fields())
    if before.has_moved_on_in_database():
        return Outcome.as_saved(notification, _response(returned, notification), ())
    said = "nothing" if returned is None else repr(str(returned))
    return Outcome.unknown(
        notification,
        f"send_notification() in {source} returned {said} and saved no status, so nobody can know"
        " whether the message went out. Return an Outcome, or set notification.status and save.",
    )


def _failure(returned: Any, captured: CapturedSave, notification: Notification) -> str:
    """Return a word for the failure of an attempt, or an empty text where the message was sent."""
    outcome = returned if isinstance(returned, Outcome) else captured.outcome
    if outcome is not None:
        return "" if outcome.result is OutcomeKind.DELIVERED else outcome.result.value
    # A handler that saves in another way is found out later, by a look at the database.
    went_out = notification.status in (Notification.DELIVERED, Notification.SCHEDULED)
    return "" if went_out else str(notification.status)


class _Snapshot:
    """A notification's values before its handler got the notification."""

    def __init__(self, notification: Notification) -> None:
        self._notification = notification
        self._values = {name: getattr(notification, name) for name in SAVED_FIELDS}
        self._values["extra"] = copy.deepcopy(notification.extra)

    def has_moved_on(self) -> bool:
        """Return whether a new status or time says that the handler has ended the attempt."""
        return any(getattr(self._notification, name) != self._values[name] for name in PROGRESS)

    def changed_fields(self) -> tuple[str, ...]:
        """Return the names of the fields that the handler has changed."""
        return tuple(
            name
            for name, value in self._values.items()
            if getattr(self._notification, name) != value
        )

    def restore(self) -> None:
        """Undo the handler's changes."""
        for name, value in self._values.items():
            setattr(self._notification, name, value)

    def has_moved_on_in_database(self) -> bool:
        """Read the row's status and time; return whether the handler saved in another way."""
        using = self._notification._state.db or DEFAULT_DB_ALIAS
        rows = Notification.objects.using(using).filter(pk=self._notification.pk)
        # A database out of reach for a moment says nothing about the handler's saves.
        saved = patiently(rows.values(*PROGRESS).first, using=using)
        if saved is None or all(saved[name] == self._values[name] for name in PROGRESS):
            return False
        for name, value in saved.items():
            setattr(self._notification, name, value)
        return True


def _response(returned: Any, notification: Notification) -> str:
    if returned is not None:
        return str(returned)
    # Not the status's label: a label may be in another language, and responses are compared.
    return f"{notification.status.title()} (the handler returned no response)"
