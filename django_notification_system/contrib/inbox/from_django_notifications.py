"""Taking over the table of django-notifications-hq, and of its fork django-notifications-community.

The table is read without the package, which need not run under this Django. The columns are those
of release 1.8.3 and of the fork's 1.12.3.
https://github.com/django-notifications/django-notifications/blob/1.8.3/notifications/migrations/0001_initial.py
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from django.apps.registry import Apps
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import OperationalError, ProgrammingError, connections, models, transaction

from ...database import leaving_existing
from .models import InboxEvent, InboxItem
from .models.state import ItemState
from .sentence import sentence

TABLE = "notifications_notification"
BATCH_SIZE = 2000
#: The namespace of the keys of imported events.
IMPORTED = uuid.UUID("5b0f9a54-7a4c-5a7e-8f60-3f1c2a9d6e11")
#: The inbox's names of the three generic keys, and the other package's.
OBJECTS = (("actor", "actor"), ("about", "target"), ("action_object", "action_object"))


def has_table(using: str) -> bool:
    """Tell whether a database has the other package's table.

    Args:
        using: The database's alias.
    """
    connection = connections[using]
    with connection.cursor() as cursor:
        return TABLE in connection.introspection.table_names(cursor)


def rows_to_import(since: datetime | None, *, using: str) -> Any:
    """Return the rows of the table, by key.

    Args:
        since: Only rows from this moment on; ``None``: all.
        using: The database's alias.
    """
    rows = _row_model(get_user_model())._default_manager.using(using).order_by("pk")
    return rows if since is None else rows.filter(timestamp__gte=since)


def import_rows(since: datetime | None, *, using: str) -> Iterator[tuple[int, int]]:
    """Take rows over, 2,000 in a transaction; yield how many were read, and how many are new.

    Args:
        since: Only rows from this moment on; ``None``: all.
        using: The database's alias.
    """
    last: int | None = None
    while True:
        rows = rows_to_import(since, using=using)
        if last is not None:
            rows = rows.filter(pk__gt=last)
        batch = list(rows[:BATCH_SIZE])
        if not batch:
            return
        yield len(batch), _import_batch(batch, using)
        last = batch[-1].pk


def _import_batch(rows: Sequence[Any], using: str) -> int:
    users = set(
        get_user_model()
        ._base_manager.using(using)
        .filter(pk__in={row.recipient_id for row in rows})
        .values_list("pk", flat=True)
    )
    by_event = {_event_id(row): row for row in rows if row.recipient_id in users}
    events = InboxEvent.objects.using(using)
    names = _names(list(by_event.values()), using)
    with transaction.atomic(using=using):
        items = InboxItem.objects.using(using).filter(event__in=list(by_event))
        known = set(items.values_list("event", flat=True))
        new = {key: row for key, row in by_event.items() if key not in known}
        events.bulk_create(
            [InboxEvent(pk=key, **_event_values(row, names)) for key, row in new.items()],
            **leaving_existing("created", using=using),
        )
        InboxItem.objects.using(using).bulk_create(
            [_item(key, row) for key, row in new.items()], **leaving_existing("event", using=using)
        )
    return len(new)


def _event_id(row: Any) -> uuid.UUID:
    return uuid.uuid5(IMPORTED, f"{TABLE}:{row.pk}")


def _event_values(row: Any, names: dict[tuple[int, str], str]) -> dict[str, Any]:
    values: dict[str, Any] = {
        "title": _title(row, names),
        "body": row.description or "",
        "level": row.level if row.level in InboxEvent.Level.values else InboxEvent.Level.INFO,
        "verb": row.verb or "",
        "data": {**_data(row.data), "emailed": row.emailed, "public": row.public},
        "created": row.timestamp,
    }
    for own, theirs in OBJECTS:
        values[f"{own}_content_type_id"] = getattr(row, f"{theirs}_content_type_id")
        values[f"{own}_object_id"] = getattr(row, f"{theirs}_object_id") or ""
    return values


def _item(event_id: uuid.UUID, row: Any) -> InboxItem:
    state = ItemState.ARCHIVED if row.deleted else ItemState.READ
    if row.unread and not row.deleted:
        state = ItemState.UNREAD
    return InboxItem(
        event_id=event_id,
        user_id=row.recipient_id,
        state=state,
        visible_from=row.timestamp,
        # The other package does not say when; so the moment is the notification's.
        read_at=None if state == ItemState.UNREAD else row.timestamp,
    )


def _title(row: Any, names: dict[tuple[int, str], str]) -> str:
    """Return the words that the other package's text for people has."""
    said = {own: names.get(_kind_and_key(row, theirs), "") for own, theirs in OBJECTS}
    return sentence(said["actor"], row.verb, said["action_object"], said["about"])


def _names(rows: Sequence[Any], using: str) -> dict[tuple[int, str], str]:
    """Return the names of the rows' objects, with one query for each model."""
    wanted: defaultdict[int, set[str]] = defaultdict(set)
    for row in rows:
        for _own, theirs in OBJECTS:
            kind_id, key = _kind_and_key(row, theirs)
            if kind_id is not None:
                wanted[kind_id].add(key)
    names: dict[tuple[int, str], str] = {}
    kinds = ContentType.objects.using(using).in_bulk(list(wanted))
    for kind_id, keys in wanted.items():
        model = kinds[kind_id].model_class() if kind_id in kinds else None
        if model is not None:
            own = {key: found for key in keys if (found := _key(model, key)) is not None}
            objects = _objects(model, set(own.values()), using)
            names |= {
                (kind_id, key): _name(objects[pk]) for key, pk in own.items() if pk in objects
            }
    return names


def _key(model: type[models.Model], text: str) -> Any:
    field: Any = model._meta.pk
    while field.remote_field is not None:  # the key of a parent's row
        field = field.target_field
    try:
        key = field.to_python(text)
        field.run_validators(key)  # no database takes a number beyond the column's range
    except (TypeError, ValueError, ValidationError):
        return None
    return key


def _objects(model: type[models.Model], keys: set[Any], using: str) -> dict[Any, Any]:
    try:
        with transaction.atomic(using=using):
            return model._base_manager.using(using).in_bulk(keys)
    except (OperationalError, ProgrammingError):
        return {}  # the table is gone, or is in another database


def _name(instance: Any) -> str:
    try:
        return str(instance)
    except Exception:  # a project's method, and perhaps another object's absence
        return ""


def _kind_and_key(row: Any, name: str) -> tuple[Any, str]:
    return getattr(row, f"{name}_content_type_id"), getattr(row, f"{name}_object_id") or ""


def _data(stored: Any) -> dict[str, Any]:
    """Return the other package's ``data``: a text with JSON, perhaps with JSON in a text."""
    for _level in range(2):
        if isinstance(stored, str):
            try:
                stored = json.loads(stored, parse_constant=str)  # NaN is no JSON for a database
            except ValueError:
                break
    if stored is None or stored == "":
        return {}
    stored = _storable(stored)
    return stored if isinstance(stored, dict) else {"data": stored}


def _storable(value: Any) -> Any:
    """Return JSON without the characters that PostgreSQL refuses in JSON: NUL, half a pair."""
    if isinstance(value, dict):
        return {_storable(name): _storable(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_storable(each) for each in value]
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    return value


@cache
def _row_model(user_model: Any) -> type[models.Model]:
    """Return a model of the table, in a registry of its own: the project may have the package's."""
    key = user_model._meta.pk
    recipient = models.BigIntegerField() if isinstance(key, models.AutoField) else key.clone()
    recipient.primary_key = False
    meta = type("Meta", (), {"apps": Apps(), "app_label": "notifications", "managed": False,
                             "db_table": TABLE})  # fmt: skip
    fields: dict[str, Any] = {
        "id": models.BigIntegerField(primary_key=True),
        "level": models.CharField(max_length=20),
        "unread": models.BooleanField(),
        "verb": models.CharField(max_length=255),
        "description": models.TextField(null=True),  # as their column is
        "timestamp": models.DateTimeField(),
        "public": models.BooleanField(),
        "deleted": models.BooleanField(),
        "emailed": models.BooleanField(),
        "data": models.TextField(null=True),
        "recipient_id": recipient,
    }
    for _own, theirs in OBJECTS:
        fields[f"{theirs}_content_type_id"] = models.IntegerField(null=True)
        fields[f"{theirs}_object_id"] = models.CharField(max_length=255, null=True)
    return type("ImportedRow", (models.Model,), {"Meta": meta, "__module__": __name__, **fields})
