"""The text of a failed assertion: the messages that went out, and the others with the reasons."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db import router
from django.db.models import QuerySet
from django.utils import timezone

from ..categories import all_categories
from ..delivery.claims.pause import explained, is_paused
from ..delivery.handlers.find import find_handler
from ..delivery.handlers.typed import NOT_WANTED
from ..exceptions import TargetUnavailable
from ..message_types.declaration import has_should_send
from ..message_types.stored import stored_of
from ..models import Notification, NotificationTarget, TargetUserRecord
from ..models.digest import digest_of_address
from ..models.opted_out import is_opted_out
from ..preferences.addresses import hasher_where_delivered
from ..preferences.fallbacks import read_on_site
from ..preferences.lookup import reason_among, reasons_of
from ..preferences.questions import states
from ..preferences.rule import States, refusal
from ..targets import target_key
from .outbox import Outbox
from .outbox_message import is_to

#: The most lines; more lines would hide the important ones.
MOST_LINES = 20


def explain(
    user: Any, said: str, wanted: Mapping[str, Any], outbox: Outbox, *, using: str | None
) -> str:
    """Return the wanted and the found messages, for people.

    Args:
        user: The assertion's user, or an address without a user.
        said: The failure, such as "was not notified".
        wanted: The conditions of the assertion, by the argument's name; ``None``: no condition.
        outbox: The messages that went out.
        using: The alias of the database; by default the router's choice.
    """
    using = using or router.db_for_read(Notification)
    own = outbox.sent_to(user)
    others = [str(message) for message in outbox if not is_to(message, user)]
    name = user if isinstance(user, str) else user.get_username()
    return "\n".join(
        [
            f"{name} {said}{_described(wanted)}.",
            *_listed(f"Went out to {name}", map(str, own)),
            *_listed(f"Created for {name}, and not delivered", _not_delivered(user, outbox, using)),
            *_of_type(wanted.get("type")),
            *_listed(f"{name} can be reached at", _addresses(user, using)),
            *_listed("Went out to others", others),
        ]
    )


def _described(wanted: Mapping[str, Any]) -> str:
    given = [
        f"{name} matching {value.pattern!r}"
        if isinstance(value, re.Pattern)
        else f"{name}={value.key if name == 'type' else repr(value)}"
        for name, value in wanted.items()
        if value is not None
    ]
    return f" ({', '.join(given)})" if given else ""


def _of_type(cls: Any) -> list[str]:
    """Return why nothing of a type may have been created: such a refusal leaves no row."""
    if cls is None or not has_should_send(cls):
        return []
    return [
        f"{cls.key} has should_send(): where this method says no at notify(), nothing is created."
    ]


def _listed(heading: str, lines: Iterable[str]) -> list[str]:
    shown = list(lines)
    if not shown:
        return [f"{heading}: nothing."]
    rest = len(shown) - MOST_LINES
    more = [f"  and {rest} more"] if rest > 0 else []
    return [f"{heading}:", *(f"  {line}" for line in shown[:MOST_LINES]), *more]


def _not_delivered(user: Any, outbox: Outbox, using: str) -> Iterator[str]:
    rows = (
        Notification.objects.using(using)
        .filter(target_user_record__in=_records(user, using))
        .exclude(status=Notification.DELIVERED)
        .select_related("target_user_record__target")
        .order_by("scheduled_delivery")
    )
    for notification in rows:
        record = notification.target_user_record
        yield (
            f"{record.target.name} to {record.target_user_id}: {notification.title!r} is"
            f" {notification.status}. {_reason(notification, outbox)}"
        )


def _reason(notification: Notification, outbox: Outbox) -> str:
    """Return why a notification has not been delivered."""
    response = notification.response
    if response == NOT_WANTED and (stored := stored_of(notification.extra, notification.body)):
        return f"should_send() of {stored.key} said no right before the send."
    if notification.status not in Notification.PENDING_STATUSES:
        return response or "Nothing is known of why."
    last = f" The last attempt: {response}" if response else ""
    due_at = notification.scheduled_delivery
    if read_on_site([notification], using=str(notification._state.db)):
        return f"It will be cancelled: the user has read it on the site.{last}"
    if due_at > timezone.now():
        return f"It is due at {due_at}: deliver(at=...) delivers what is due later.{last}"
    target = notification.target_user_record.target
    if problem := outbox.problems.get(target.name):
        return f"{problem}{last}"
    if is_paused(target):
        return f"{explained(target)}{last}"
    try:
        find_handler(target)
    except TargetUnavailable as unavailable:
        return f"{unavailable}{last}"
    return f"It is due: call deliver() or process_notifications.{last}"


def _addresses(user: Any, using: str) -> Iterator[str]:
    records = _records(user, using)
    words = {} if isinstance(user, str) else states(user.pk, using=using)
    for record in records.select_related("target").order_by("target__name", "target_user_id"):
        said = [] if record.active else ["switched off"]
        if is_opted_out(user):
            said.append("the user has opted out")
        said += _refusals(record, words, using)
        state = "".join(f" ({each})" for each in said)
        yield f"{record.target.name}: {record.target_user_id}{state}"


def _refusals(record: TargetUserRecord, words: States, using: str) -> Iterator[str]:
    """Yield why messages of the project's categories are not sent to a record."""
    key = target_key(record.target.notification_module_name)
    categories = all_categories()
    hashes = hasher_where_delivered(key)
    hashed = hashes(record.target_user_id) if hashes is not None else ""
    names = [category.key for category in categories]
    reasons = reasons_of([hashed], names, [key], using=using) if names else {}
    for category in categories:
        reason = reason_among(reasons, hashed, category.key)
        if reason:
            yield f"suppressed: {reason}, for {category.key}"
        elif record.user_id is None:
            continue  # nobody decides for an address without a user
        elif said := refusal(category, key, words):
            yield said


def _records(user: Any, using: str) -> QuerySet[TargetUserRecord]:
    """Return the records of a user, or of an address without a user."""
    rows = TargetUserRecord.objects.using(using)
    if not isinstance(user, str):
        return rows.filter(user_id=user.pk)
    targets = NotificationTarget.objects.using(using).values_list("pk", flat=True)
    return rows.filter(digest__in=[digest_of_address(target_id, user) for target_id in targets])
