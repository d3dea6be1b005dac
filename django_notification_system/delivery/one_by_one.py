"""Handlers in the manner of release 1.5.3, behind the interface that takes many."""

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from ..exceptions import TargetUnavailable
from ..models import Notification
from .outcome import Outcome, one_line

logger = logging.getLogger("django_notification_system")

SendNotification = Callable[[Notification], Any]


def deliver_one_by_one(
    send_notification: SendNotification, source: str
) -> Callable[[Iterable[Notification]], Iterator[Outcome]]:
    """Wrap ``send_notification(notification) -> str`` as ``deliver(notifications)``.

    The function may set and save the notification's status, as in release 1.5.3, or return an
    ``Outcome``. What it saves is held back and recorded by the engine: only while the claim is
    ours, so that a late ``save()`` cannot undo what another run or an opt-out has done.

    Args:
        send_notification: The project's function.
        source: Where it comes from, for messages to people.
    """

    def deliver(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        for notification in notifications:
            yield _attempt(send_notification, notification, source)

    return deliver


def _attempt(send: SendNotification, notification: Notification, source: str) -> Outcome:
    before = _progress(notification)
    saves: list[None] = []

    def hold_back(*args: Any, **kwargs: Any) -> None:
        saves.append(None)

    notification.save = hold_back  # type: ignore[method-assign] # for this call only
    try:
        returned = send(notification)
    except TargetUnavailable:
        raise
    except Exception as error:
        if saves and _progress(notification) != before:
            return Outcome.as_saved(notification, one_line(error))
        logger.exception("%s raised while delivering notification %s.", source, notification.pk)
        return Outcome.retry(notification, one_line(error))
    finally:
        del notification.save  # the class's own again
    if isinstance(returned, Outcome):
        return returned
    if saves and _progress(notification) != before:
        return Outcome.as_saved(notification, _response(returned, notification))
    if (saved := _progress_in_database(notification)) != before:
        notification.status, notification.scheduled_delivery = saved
        return Outcome.as_saved(notification, _response(returned, notification))
    said = "nothing" if returned is None else repr(str(returned))
    return Outcome.unknown(
        notification,
        f"send_notification() in {source} returned {said} and saved no status, so nobody can know"
        " whether the message went out. Return an Outcome, or set notification.status and save.",
    )


def _progress(notification: Notification) -> tuple[str, datetime]:
    return notification.status, notification.scheduled_delivery


def _progress_in_database(notification: Notification) -> tuple[str, datetime]:
    """Return what a handler may have saved through another instance or ``update()``."""
    fields = Notification.objects.using(notification._state.db).filter(pk=notification.pk)
    saved = fields.values_list("status", "scheduled_delivery").first()
    return saved or _progress(notification)


def _response(returned: Any, notification: Notification) -> str:
    if returned is not None:
        return str(returned)
    return f"{notification.get_status_display()} (the handler returned no response)"
