"""Exporting what this app stores about a person, and nothing about others."""

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import router
from django.db.models import Q

from ..batches import batched
from ..exceptions import InvalidPreference
from ..models import (
    ConsentLog,
    Notification,
    NotificationAttachment,
    NotificationAttempt,
    NotificationOptOut,
    Preference,
    Suppression,
    TargetUserRecord,
)
from ..on_site import installed_inbox
from ..targets import known_description
from .person_addresses import addresses_of

#: How many notifications are in memory.
BATCH_SIZE = 500
#: How many keys of notifications are in memory.
KEYS_AT_ONCE = 20_000
#: Parts of ``extra`` with other people's addresses, whatever the target.
OF_OTHERS = frozenset({"cc", "bcc", "reply_to"})
RECORD_FIELDS = (
    "id", "target__name", "target_user_id", "description", "active", "inactive_reason",
    "hard_bounces", "origin", "created_date", "modified_date",
)  # fmt: skip
NOTIFICATION_FIELDS = (
    "id", "target_user_record", "category", "title", "body", "extra", "status",
    "scheduled_delivery", "expires_at", "attempted_delivery", "confirmed_at", "response",
    "created_date",
)  # fmt: skip
WHERE_TO = (
    "target_user_record__target__notification_module_name",
    "target_user_record__target_user_id",
)
ATTEMPT_FIELDS = ("attempted_at", "result", "response")
ATTACHMENT_FIELDS = ("name", "mimetype", "content__size")
PREFERENCE_FIELDS = ("category", "target_key", "state", "changed_date")
LOG_FIELDS = ("category", "target_key", "before", "after", "how", "ip", "wording", "at")
SUPPRESSION_FIELDS = ("target_key", "category", "address", "reason", "created_date")
OPT_OUT_FIELDS = ("active", "created_date", "modified_date")


def export_person_data(
    user: Any, *, with_secrets: bool = False, using: str | None = None
) -> dict[str, list[dict[str, Any]]]:
    """Return what this app stores about a person, ready for JSON.

    The other recipients in ``extra`` (``cc``, ``bcc`` and the like) are left out, and the notes of
    suppressions, which are the project's own words; by default the private ``details`` of records,
    too. Attachments are named, without their contents.

    Args:
        user: The user.
        with_secrets: Whether records come with their ``details``: the keys of browsers, the tokens
            of devices, the URLs and secrets of webhooks. Whoever has these can write to the person.
        using: The database's alias; by default the router's choice for reading.

    Returns:
        Rows as dictionaries, by kind: ``records``, ``opt_out``, ``preferences``, ``consent_log``,
        ``suppressions`` and ``notifications``, each notification with its ``attempts`` and
        ``attachments``; with the inbox's app also ``inbox``. All are in memory: 100,000 short
        notifications take 200 MiB. ``write_person_data()`` keeps 500 in memory, in 5 MiB.

    Raises:
        InvalidPreference: When ``user`` is no saved user.
        TargetUnavailable: When the module of one of the person's targets cannot be imported, so
            that the suppressions of its addresses cannot be found.
    """
    return {kind: list(rows) for kind, rows in _parts(user, with_secrets, using=using).items()}


def write_person_data(
    user: Any,
    write: Callable[[str], Any],
    *,
    with_secrets: bool = False,
    using: str | None = None,
) -> dict[str, int]:
    """Write what ``export_person_data()`` returns as JSON, a row a line.

    Args:
        user: The user.
        write: Takes the text, piece by piece, as a file's ``write()`` does.
        with_secrets: Whether records come with their ``details``.
        using: The database's alias; by default the router's choice for reading.

    Returns:
        How many rows of each kind were written.

    Raises:
        InvalidPreference: When ``user`` is no saved user.
        TargetUnavailable: When the module of one of the person's targets cannot be imported, so
            that the suppressions of its addresses cannot be found.
    """
    written: dict[str, int] = {}
    write("{")
    for kind, rows in _parts(user, with_secrets, using=using).items():
        write(f"{',' if written else ''}\n{json.dumps(kind)}: [")
        written[kind] = 0
        for row in rows:
            line = json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False)
            write(f"{',' if written[kind] else ''}\n  {line}")
            written[kind] += 1
        write("\n]" if written[kind] else "]")
    write("\n}\n")
    return written


def _parts(
    user: Any, with_secrets: bool, *, using: str | None
) -> Mapping[str, Iterable[dict[str, Any]]]:
    if user is None or user.pk is None:
        raise InvalidPreference("user must be a saved user.", argument="user")
    using = using or router.db_for_read(Notification)
    addresses = addresses_of(user, using=using)
    records = [*addresses.records, *addresses.records_without_user()]
    log = ConsentLog.objects.using(using)
    suppressions = Suppression.objects.using(using).filter(addresses.suppressed())
    inbox = installed_inbox()
    # Also of suppressions that were lifted.
    of_addresses = Q(user=None, address_hash__in=addresses.hashes())
    return {
        "records": _plain(
            TargetUserRecord.objects.using(using).filter(pk__in=records).order_by("pk"),
            (*RECORD_FIELDS, "details") if with_secrets else RECORD_FIELDS,
        ),
        "opt_out": _plain(
            NotificationOptOut.objects.using(using).filter(user=user.pk), OPT_OUT_FIELDS
        ),
        "preferences": _plain(
            Preference.objects.using(using).filter(user=user.pk).order_by("category", "target_key"),
            PREFERENCE_FIELDS,
        ),
        "consent_log": _plain(
            log.filter(Q(user=user.pk) | of_addresses).order_by("at", "pk"),
            LOG_FIELDS,
        ),
        "suppressions": _plain(suppressions.order_by("target_key", "category"), SUPPRESSION_FIELDS),
        "notifications": _notifications(records, using=using),
        **({} if inbox is None else {"inbox": inbox.exported(user.pk, using=using)}),
    }


def _plain(rows: Any, fields: Iterable[str]) -> Iterator[dict[str, Any]]:
    for row in rows.values(*fields).iterator(chunk_size=BATCH_SIZE):
        yield {name.removesuffix("__name").rpartition("__")[2]: row[name] for name in row}


def _notifications(records: Sequence[uuid.UUID], *, using: str) -> Iterator[dict[str, Any]]:
    for keys in _keys(records, using=using):
        rows = Notification.objects.using(using).filter(pk__in=keys).order_by("pk")
        attempts = _by_notification(NotificationAttempt, ATTEMPT_FIELDS, keys, using=using)
        attached = _by_notification(NotificationAttachment, ATTACHMENT_FIELDS, keys, using=using)
        for row in rows.values(*NOTIFICATION_FIELDS, *WHERE_TO):
            module_name, address = (row.pop(name) for name in WHERE_TO)
            yield {
                **row,
                "extra": _own(row["extra"], module_name, address),
                "attempts": attempts.get(row["id"], []),
                "attachments": attached.get(row["id"], []),
            }


def _keys(records: Sequence[uuid.UUID], *, using: str) -> Iterator[list[uuid.UUID]]:
    """Yield the keys of a batch of notifications after another.

    No cursor stays open, so that a pooler may be between. Many keys are read at once: SQLite and
    PostgreSQL sort all keys of a record for each such query.
    """
    keys = Notification.objects.using(using).filter(target_user_record__in=records).order_by("pk")
    found = list(keys.values_list("pk", flat=True)[:KEYS_AT_ONCE])
    while found:
        yield from batched(found, BATCH_SIZE)
        if len(found) < KEYS_AT_ONCE:
            return
        rest = keys.filter(pk__gt=found[-1])
        found = list(rest.values_list("pk", flat=True)[:KEYS_AT_ONCE])


def _by_notification(
    model: Any, fields: tuple[str, ...], keys: list[Any], *, using: str
) -> dict[Any, list[dict[str, Any]]]:
    rows = model._base_manager.using(using).filter(notification__in=keys).order_by("pk")
    found: dict[Any, list[dict[str, Any]]] = {}
    for row in rows.values("notification", *fields):
        key = row.pop("notification")
        found.setdefault(key, []).append(
            {name.rpartition("__")[2]: value for name, value in row.items()}
        )
    return found


def _own(extra: Any, module_name: str, address: str) -> Any:
    """Return ``extra`` without other people, as the target itself tells them apart."""
    if not isinstance(extra, dict):
        return extra
    described = known_description(module_name)
    if described is not None and described.redirected_extra is not None:
        extra = described.redirected_extra(extra, address)
    elif described is not None:
        extra = {k: value for k, value in extra.items() if k not in described.directions_in_extra}
    return {name: value for name, value in extra.items() if name not in OF_OTHERS}
