"""Taking over the tables of django-notifications-hq 1.8.3 and of its fork 1.12.3."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import connection, models

from django_notification_system.contrib.inbox import from_django_notifications as importing
from django_notification_system.contrib.inbox.models import InboxEvent, InboxItem

pytestmark = pytest.mark.django_db


class ImportedNote(models.Model):
    """A model whose table no database has."""

    class Meta:
        app_label = "tests"
        managed = False

    def __str__(self) -> str:
        return "a note"


#: By the database: key, boolean, moment, text, and JSON as each package makes its column.
KINDS = {
    "sqlite": (
        "integer PRIMARY KEY AUTOINCREMENT",
        "bool",
        "datetime",
        "text",
        'text CHECK (JSON_VALID("data") OR "data" IS NULL)',
    ),
    "postgresql": ("serial PRIMARY KEY", "boolean", "timestamptz", "text", "jsonb"),
    "mysql": (
        "integer AUTO_INCREMENT PRIMARY KEY",
        "bool",
        "datetime(6)",
        "longtext",
        "json",
    ),
}
MOMENT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.fixture(scope="module", params=["hq", "community"])
def table(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: Any
) -> Iterator[None]:
    """The package's table; made outside of a transaction, which MariaDB would commit."""
    key, boolean, moment, text, json_kind = KINDS[connection.vendor]
    data = text if request.param == "hq" else json_kind
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE notifications_notification (id {key}, level varchar(20) NOT NULL,"
            f" unread {boolean} NOT NULL, actor_object_id varchar(255) NOT NULL,"
            f" verb varchar(255) NOT NULL, description {text}, target_object_id varchar(255),"
            f" action_object_object_id varchar(255), timestamp {moment} NOT NULL,"
            f" public {boolean} NOT NULL, action_object_content_type_id integer,"
            " actor_content_type_id integer NOT NULL, recipient_id integer NOT NULL,"
            f" target_content_type_id integer, deleted {boolean} NOT NULL,"
            f" emailed {boolean} NOT NULL, data {data})"
        )
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("DROP TABLE notifications_notification")


@pytest.fixture
def add(table: None, user: Any) -> Callable[..., None]:
    """A function that writes a row as the package does."""
    kind = ContentType.objects.get_for_model(user).pk

    def write(**fields: Any) -> None:
        values = {
            "level": "success",
            "unread": True,
            "actor_object_id": str(user.pk),
            "actor_content_type_id": kind,
            "verb": "commented",
            "timestamp": connection.ops.adapt_datetimefield_value(MOMENT),
            "public": True,
            "deleted": False,
            "emailed": False,
            "recipient_id": user.pk,
            **fields,
        }
        names = ", ".join(values)
        marks = ", ".join(["%s"] * len(values))
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO notifications_notification ({names}) VALUES ({marks})",
                list(values.values()),
            )

    return write


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    call_command("import_django_notifications", *arguments)
    return capsys.readouterr().out.strip()


def test_at_verbosity_0_nothing_is_said(
    add: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    add()
    call_command("import_django_notifications", verbosity=0, skip_checks=False)
    assert InboxItem.objects.count() == 1
    assert capfd.readouterr() == ("", "")


def test_all_is_kept(
    add: Callable[..., None], user: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    kind = ContentType.objects.get_for_model(user).pk
    add(
        description="Well done",
        target_object_id=str(user.pk),
        target_content_type_id=kind,
        data=json.dumps({"page": 7}),
        emailed=True,
        public=False,
    )
    assert run(capsys, "--dry-run") == "Would read notifications: 1."
    assert not InboxEvent.objects.exists()
    assert run(capsys) == "Read notifications: 1, taken over: 1."
    [item] = InboxItem.objects.of(user).newest()
    event = item.event
    assert (event.title, event.body, event.verb) == ("egg commented egg", "Well done", "commented")
    assert (event.actor, event.about, event.action_object) == (user, user, None)
    assert event.data == {"page": 7, "emailed": True, "public": False}
    assert (event.level, event.created) == ("success", MOMENT)
    assert (item.state, item.visible_from, item.read_at) == (0, MOMENT, None)


def test_states_are_kept(
    add: Callable[..., None], user: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    add(verb="unread")
    add(verb="read", unread=False)
    add(verb="deleted", deleted=True, actor_object_id="0")
    run(capsys)
    found = dict(InboxItem.objects.values_list("event__verb", "state"))
    assert found == {"unread": 0, "read": 1, "deleted": 2}
    assert InboxEvent.objects.get(verb="deleted").title == "deleted"  # its actor is gone


def test_a_second_import_takes_over_what_is_new(
    add: Callable[..., None],
    user: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importing, "BATCH_SIZE", 2)
    for _ in range(5):
        add()
    assert run(capsys) == "Read notifications: 5, taken over: 5."
    InboxItem.objects.of(user).mark_read()
    add(timestamp=connection.ops.adapt_datetimefield_value(MOMENT.replace(year=2025)))
    assert run(capsys, "--since=2025-01-01", "--dry-run") == "Would read notifications: 1."
    assert run(capsys) == "Read notifications: 6, taken over: 1."
    assert (InboxItem.objects.count(), InboxItem.objects.unread_count(user)) == (6, 1)


def test_without_the_table_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "TABLE", "another_table")
    with pytest.raises(CommandError, match="has no table"):
        call_command("import_django_notifications")


@pytest.mark.parametrize("key", ["9" * 30, "x", "", "9" * 255])
def test_a_key_that_no_row_can_have_names_nothing(
    add: Callable[..., None], user: Any, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    add(actor_object_id=key)
    assert run(capsys) == "Read notifications: 1, taken over: 1."
    assert InboxEvent.objects.get().title == "commented"


@pytest.mark.parametrize(
    "problem", [ValueError("a name"), AttributeError("a name")], ids=["value", "attribute"]
)
def test_an_object_that_cannot_say_its_name_stops_no_import(
    add: Callable[..., None],
    user: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    problem: Exception,
) -> None:
    def fail(self: Any) -> str:
        raise problem

    monkeypatch.setattr(type(user), "__str__", fail)
    add()
    assert run(capsys) == "Read notifications: 1, taken over: 1."
    assert InboxEvent.objects.get().title == "commented"


def test_a_kind_without_a_model_or_a_table_names_nothing(
    add: Callable[..., None],
    user: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kind = ContentType.objects.create(app_label="gone", model="page")
    add(actor_content_type_id=kind.pk, actor_object_id="1")
    add(actor_content_type_id=kind.pk + 1000, actor_object_id="1")
    add(actor_content_type_id=ContentType.objects.get_for_model(ImportedNote).pk)
    assert run(capsys) == "Read notifications: 3, taken over: 3."
    assert set(InboxEvent.objects.values_list("title", flat=True)) == {"commented"}


def test_what_no_database_takes_as_json_is_kept_as_far_as_possible(
    add: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    # In a text, as the first package has it; the fork's column for JSON holds the same in a string.
    add(data=json.dumps('{"ratio": NaN, "nul": "a\\u0000b", "half": ["\\ud83d"]}'))
    assert run(capsys) == "Read notifications: 1, taken over: 1."
    data = InboxEvent.objects.get().data
    assert (data["ratio"], data["nul"], data["half"]) == ("NaN", "ab", ["?"])
