"""Cancelling and rescheduling by the ``idempotency_key`` of ``notify()``."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connections, router
from django.db.models import BinaryField, Func, Manager, Q
from django.utils import timezone

from ..exceptions import InvalidNotification
from ..models import Notification, TargetUserRecord
from ..models.changes import CANCEL, Change, Changed, apply
from ..models.indexes import IS_WAITING_WITH_KEY
from ..models.notification_queryset import NotificationQuerySet
from ..notification_creators.draft import checked_key, checked_moment, refuse_early_expiry
from ..notification_creators.recipients import key_batches
from ..on_site import READ, UNLESS, Inbox, installed_inbox
from .sending_time import RESCHEDULE, against_sending

#: How many users are read at a time.
BATCH_SIZE = 2000

Users = AbstractBaseUser | Iterable[AbstractBaseUser] | Manager[AbstractBaseUser]


class _Bytes(Func):
    """A text's bytes, for MariaDB and MySQL, where collations ignore case and blanks at the end."""

    template = "CAST(CONVERT(%(expressions)s USING utf8mb4) AS BINARY)"


def cancel(idempotency_key: str, users: Users | None = None) -> Changed:
    """Cancel the notifications with a key that still wait for delivery, and items of the inbox.

    A notification held by a run is on its way, and is left; so is an item that its reader may have
    seen. The key stays: ``notify()`` with the same key creates nothing for the same records.
    Outside a transaction of the caller's, at most 500 notifications are changed together; inside,
    all or none.

    Args:
        idempotency_key: The key given to ``notify()`` or ``notify_addresses()``.
        users: A user, or an iterable or queryset of users, whose notifications are cancelled. By
            default all notifications with the key, addresses without a user among them.

    Returns:
        ``changed``, how many were cancelled, and ``on_their_way``, how many a run held. A
        notification that has ended counts as neither.

    Raises:
        InvalidNotification: When the key or a user could be none.
    """
    users = _listed(users)
    total = _apply(CANCEL, idempotency_key, users, timezone.now())
    for inbox, keys, using in _inbox(users):
        total.changed += inbox.cancel(idempotency_key, keys, using=using)
    return total


def reschedule(
    idempotency_key: str,
    moment: datetime,
    users: Users | None = None,
    *,
    expires_at: datetime | None = None,
) -> Changed:
    """Move the notifications with a key that still wait for delivery to another moment.

    Items of the inbox that nobody can see yet are moved, too. A notification held by a run is on
    its way, and is left; so are notifications of users who have opted out, and of records that are
    switched off. A failed attempt stays counted. The key stays, as for ``cancel()``, and so does
    the moment by which ``notify()`` tells a repetition. Outside a transaction of the caller's, at
    most 500 notifications are changed together; inside, all or none.

    Args:
        idempotency_key: The key given to ``notify()`` or ``notify_addresses()``.
        moment: When the notifications are due, with a time zone. A moment that has passed makes the
            notifications due at once.
        users: As for ``cancel()``.
        expires_at: The new end of the notifications' time, later than ``moment``. By default each
            notification keeps its own.

    Returns:
        ``changed``, how many were moved, and ``on_their_way``, how many a run held; ``left`` has
        the others by reason.

    Raises:
        InvalidNotification: When a notification would expire before it is due, or waits for what
            its reader does in the inbox, so that nothing is moved; or when an argument could be
            none.
    """
    users = _listed(users)
    due_at = checked_moment("moment", moment)
    if due_at is None:
        raise InvalidNotification(
            "moment must be a datetime, not None. To call off, use cancel().", argument="moment"
        )
    end = checked_moment("expires_at", expires_at)
    _refuse_fallbacks(checked_key(idempotency_key), users)
    if end is not None:
        refuse_early_expiry(end, due_at)
        total = _apply(_with_expiry(end), idempotency_key, users, due_at)
    else:
        _refuse_expiry(due_at, idempotency_key, users)
        total = _apply(RESCHEDULE, idempotency_key, users, due_at)
    for inbox, keys, using in _inbox(users):
        total.changed += inbox.reschedule(
            idempotency_key, due_at, keys, expires_at=end, using=using
        )
    return total


def _with_expiry(expires_at: datetime) -> Change:
    def against(moment: datetime, using: str) -> dict[str, Q]:
        why = against_sending(moment, using)
        del why["expired"]
        return why

    return replace(
        RESCHEDULE,
        values=lambda moment: {"scheduled_delivery": moment, "expires_at": expires_at},
        against=against,
    )


def _refuse_expiry(due_at: datetime, key: str, users: Users | None) -> None:
    for rows in _waiting(key, users):
        first = rows.filter(expires_at__lte=due_at).order_by("expires_at").first()
        if first is not None and first.expires_at is not None:
            raise _expires_before(due_at, first.title, first.expires_at)
    for inbox, keys, using in _inbox(users):
        if (item := inbox.first_expired(key, due_at, keys, using=using)) is not None:
            raise _expires_before(due_at, *item)


def _expires_before(due_at: datetime, title: str, expires_at: datetime) -> InvalidNotification:
    return InvalidNotification(
        f"moment is {due_at}, and {title!r} expires at {expires_at}, so it could never be sent."
        " Nothing was moved. Pass an earlier moment, or expires_at.",
        argument="moment",
    )


def _refuse_fallbacks(key: str, users: Users | None) -> None:
    """Refuse to move a fallback, whose moment is a time after its item's.

    Args:
        key: The idempotency key.
        users: The users; ``None``: all.

    Raises:
        InvalidNotification: When a notification with the key is a fallback.
    """
    if installed_inbox() is None:
        return
    for rows in _waiting(key, users):
        first = rows.filter(**{f"extra__{UNLESS}": READ}).first()
        if first is not None:
            raise InvalidNotification(
                f"{first.title!r} is a Fallback, which waits for its item in the inbox. Nothing was"
                " moved. Call cancel(), and notify() again with another idempotency_key.",
                argument="idempotency_key",
            )


def _inbox(users: Users | None) -> Iterator[tuple[Inbox, list[Any] | None, str]]:
    """Yield the inbox, if any, with the keys of some users at a time, and the database's alias.

    Args:
        users: The users; ``None``: all.
    """
    inbox = installed_inbox()
    if inbox is None:
        return
    using = router.db_for_write(Notification)
    if users is None:
        yield inbox, None, using
        return
    for keys in key_batches(users, BATCH_SIZE):
        yield inbox, keys, using


def _listed(users: Users | None) -> Users | None:
    """Return users that can be read more than once.

    Args:
        users: The users; ``None``: all.
    """
    return list(users) if isinstance(users, Iterator) else users


def _apply(change: Change, key: Any, users: Users | None, moment: datetime) -> Changed:
    total = Changed()
    for rows in _waiting(checked_key(key), users):
        total.add(apply(change, rows, moment))
    return total


def _waiting(key: str, users: Users | None) -> Iterator[NotificationQuerySet]:
    """Yield the waiting notifications with a key, of some thousand users at a time."""
    using = router.db_for_write(Notification)
    rows = Notification.objects.using(using).filter(IS_WAITING_WITH_KEY, idempotency_key=key)
    if connections[using].vendor == "mysql":
        exact = _Bytes("idempotency_key", output_field=BinaryField())
        rows = rows.alias(key_in_bytes=exact).filter(key_in_bytes=key.encode())
    if users is None:
        yield rows
        return
    records = TargetUserRecord.objects.using(using)
    for keys in key_batches(users, BATCH_SIZE):
        yield rows.filter(target_user_record__in=records.filter(user__in=keys).values("pk"))
