"""A notification's content, checked once for all recipients."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import ceil
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from ..categories import known_key
from ..conf import retry_policy
from ..draft import Draft
from ..exceptions import InvalidNotification
from ..message_types.declaration import MessageType
from ..models import Notification
from ..models.content_rules import has_line_break
from ..models.moments import is_at_calendars_end
from ..models.notification import HIGHEST_PRIORITY, LOWEST_PRIORITY
from ..storable import json_object, storable_text
from .attachments import files_of

TITLE_MAX_LENGTH: int = Notification._meta.get_field("title").max_length or 0
KEY_MAX_LENGTH: int = Notification._meta.get_field("idempotency_key").max_length or 0
#: The inbox alone takes a longer title.
INBOX_TITLE_MAX_LENGTH = 200
#: The largest number in every database's integer column.
LARGEST_INTEGER = 2_147_483_647


def make_draft(
    *,
    title: Any,
    body: Any,
    extra: Any,
    scheduled_delivery: Any,
    retry_time_interval: Any,
    max_retries: Any,
    idempotency_key: Any = None,
    expires_at: Any = None,
    priority: Any = LOWEST_PRIORITY,
    category: Any = "",
    attachments: Any = None,
    recipient: Any = None,
    title_max_length: int = TITLE_MAX_LENGTH,
) -> Draft:
    """Check the rules of all targets for a notification.

    Args:
        title: See ``notify()``.
        body: See ``notify()``.
        extra: See ``notify()``.
        scheduled_delivery: See ``notify()``.
        retry_time_interval: See ``notify()``.
        max_retries: See ``notify()``.
        idempotency_key: See ``notify()``.
        expires_at: See ``notify()``.
        priority: See ``notify()``.
        category: See ``notify()``.
        attachments: See ``notify()``.
        recipient: The user, for a call with exactly one user. In release 1.5.3 people wrote
            ``extra={"user": user, ...}``; the known user is then left out of ``extra``.
        title_max_length: The most characters of the title.

    Raises:
        InvalidNotification: When the notification could not be stored, or never be delivered.
    """
    if extra is None:
        extra = {}
    elif recipient is not None and isinstance(extra, dict) and extra.get("user") == recipient:
        extra = {name: value for name, value in extra.items() if name != "user"}
    due_at = checked_moment("scheduled_delivery", scheduled_delivery)
    return Draft(
        title=_title(title, title_max_length),
        body=_text("body", body),
        extra=json_object(extra),
        scheduled_delivery=due_at,
        retry_time_interval=(
            None
            if retry_time_interval is None
            else _count("retry_time_interval", retry_time_interval)
        ),
        max_retries=None if max_retries is None else _count("max_retries", max_retries),
        idempotency_key=None if idempotency_key is None else checked_key(idempotency_key),
        expires_at=_expiry(expires_at, due_at),
        priority=_integer("priority", priority, LOWEST_PRIORITY, HIGHEST_PRIORITY),
        category=known_key(category),
        attachments=files_of(attachments),
    )


def mail_options(given: Any) -> dict[str, Any]:
    """Return a notification's fields by the attribute ``notification`` of a queued message.

    Args:
        given: The attribute: ``None``, or a mapping with some of ``priority``, ``expires_at``,
            ``idempotency_key`` and ``category``.

    Raises:
        InvalidNotification: When a name or a value is wrong.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidNotification(
            _("message.notification must be a dictionary, such as {'priority': 5}, not %s.")
            % type(given).__name__,
            argument="notification",
        )
    if unknown := sorted(str(name) for name in given if name not in MAIL_OPTIONS):
        raise InvalidNotification(
            _("message.notification has %(unknown)s; it may have %(known)s.")
            % {"unknown": ", ".join(unknown), "known": ", ".join(sorted(MAIL_OPTIONS))},
            argument="notification",
        )
    return {name: MAIL_OPTIONS[name](value) for name, value in given.items() if value is not None}


def retry_fields(draft: Draft, interval_of_target: int | None = None) -> dict[str, Any]:
    """Return a notification's fields for the time and number of its retries.

    A notification without an interval follows the project's policy. Its own interval is then the
    policy's first, rounded, for readers of the field such as handlers in the manner of release
    1.5.3.

    Args:
        draft: The content.
        interval_of_target: The minutes in the module of the target, or ``None``.
    """
    policy = retry_policy()
    interval = draft.retry_time_interval
    if interval is None:
        interval = interval_of_target
    return {
        "follows_retry_policy": interval is None,
        "retry_time_interval": ceil(policy.first_interval) if interval is None else interval,
        "max_retries": policy.attempts if draft.max_retries is None else draft.max_retries,
    }


def _title(value: Any, max_length: int = TITLE_MAX_LENGTH) -> str:
    title = _text("title", value)
    if not title.strip():
        raise InvalidNotification(
            "title is empty. Give the notification a title.", argument="title"
        )
    if has_line_break(title):
        raise InvalidNotification(
            "title has a line break, which an email's subject cannot have. Put it on one line, "
            'for instance with " ".join(title.split()).',
            argument="title",
        )
    if len(title) > max_length:
        raise InvalidNotification(
            f"title has {len(title)} characters; at most {max_length} are kept. Shorten it, "
            "and say the rest in body.",
            argument="title",
        )
    return title


def _text(name: str, value: Any) -> str:
    if isinstance(value, Promise):
        value = str(value)
    if isinstance(value, MessageType):
        raise InvalidNotification(
            f"{name} is a message of the type {type(value).__name__}, which has its own texts. Call"
            f" {type(value).__name__}(...).notify(users).",
            argument=name,
        )
    if not isinstance(value, str):
        raise InvalidNotification(
            f"{name} must be a str, not {type(value).__name__}.", argument=name
        )
    return storable_text(name, value)


def _expiry(value: Any, due_at: datetime | None) -> datetime | None:
    expires_at = checked_moment("expires_at", value)
    if expires_at is not None:
        refuse_early_expiry(expires_at, due_at or timezone.now())
    return expires_at


def refuse_early_expiry(expires_at: datetime, due_at: datetime) -> None:
    """Refuse a notification that would expire before being due.

    Args:
        expires_at: The end of the notification's time.
        due_at: When the notification is due.

    Raises:
        InvalidNotification: When the notification could never be sent.
    """
    if expires_at <= due_at:
        raise InvalidNotification(
            _(
                "expires_at is %s, and it is not due before that, so it could never be sent."
                " Pass a later moment."
            )
            % expires_at,
            argument="expires_at",
        )


def checked_moment(name: str, moment: Any) -> datetime | None:
    """Return a moment in the form for the database, or ``None`` for none.

    Args:
        name: The name of the argument.
        moment: The moment, with a time zone.

    Raises:
        InvalidNotification: When the value is no moment.
    """
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        raise InvalidNotification(
            f"{name} must be a datetime, not {type(moment).__name__}.", argument=name
        )
    if is_at_calendars_end(moment):
        raise InvalidNotification(
            f"{name} is {moment}, which is out of range in other time zones.", argument=name
        )
    if timezone.is_naive(moment):
        if settings.USE_TZ:
            raise InvalidNotification(
                f"{name} has no time zone, so it names no moment. Pass "
                "django.utils.timezone.make_aware(...) of it.",
                argument=name,
            )
        return moment
    if settings.USE_TZ:
        return moment.astimezone(UTC)
    # Databases refuse a time zone then; in local time the moment stays the same.
    return timezone.make_naive(moment, timezone.get_default_timezone())


def _count(name: str, value: Any) -> int:
    return _integer(name, value, 0, LARGEST_INTEGER)


def _integer(name: str, value: Any, lowest: int, highest: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidNotification(
            f"{name} must be an int, not {type(value).__name__}.", argument=name
        )
    if not lowest <= value <= highest:
        # Python writes no integer of more than 4,300 digits.
        shown = value if value.bit_length() <= 64 else "out of range"
        raise InvalidNotification(
            f"{name} is {shown}; it must be between {lowest} and {highest:,}.", argument=name
        )
    return value


def checked_key(value: Any) -> str:
    """Return an idempotency key.

    Args:
        value: The key.

    Raises:
        InvalidNotification: When the value could be no key.
    """
    key = _text("idempotency_key", value)
    if not key:
        raise InvalidNotification(
            "idempotency_key is empty. Pass None where there is no key.", argument="idempotency_key"
        )
    if len(key) > KEY_MAX_LENGTH:
        raise InvalidNotification(
            f"idempotency_key has {len(key)} characters; at most {KEY_MAX_LENGTH} are kept. Pass "
            "a hash of it.",
            argument="idempotency_key",
        )
    return key


#: The names in the attribute ``notification`` of a queued message.
MAIL_OPTIONS: Mapping[str, Callable[[Any], Any]] = {
    "priority": lambda value: _integer("priority", value, LOWEST_PRIORITY, HIGHEST_PRIORITY),
    "expires_at": lambda value: _expiry(value, None),
    "idempotency_key": checked_key,
    "category": known_key,
}
