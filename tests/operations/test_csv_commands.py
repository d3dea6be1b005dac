"""``suppressions`` and ``preferences`` export to CSV files, and import from them."""

import os
import stat
from collections.abc import Iterator
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system.batches import by_key
from django_notification_system.categories import Category, known_categories
from django_notification_system.models import (
    ConsentLog,
    NotificationTarget,
    Preference,
    Suppression,
)
from django_notification_system.operations import preferences_csv
from django_notification_system.operations.csv_lines import LINES_AT_ONCE
from django_notification_system.preferences import allows, set_preference, suppress
from tests.support.dumps import dump

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def categories() -> Iterator[None]:
    with known_categories(
        Category("news", label="News"),
        Category("security", label="Security", mandatory=True),
    ):
        yield


class Call:
    """Runs a command on a file."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "rows.csv"
        self.complaints: list[str] = []

    def imported(self, command: str, content: str | bytes, *options: str) -> str:
        text = content.encode() if isinstance(content, str) else content
        self.file.write_bytes(text)
        return self.run(command, "import", *options)

    def run(self, command: str, action: str, *options: str) -> str:
        said, complaints = StringIO(), StringIO()
        try:
            call_command(command, action, str(self.file), *options, stdout=said, stderr=complaints)
        finally:
            self.complaints = complaints.getvalue().splitlines()
        return said.getvalue()


@pytest.fixture
def call(tmp_path: Path) -> Call:
    return Call(tmp_path)


def suppressed() -> set[tuple[str, str, str]]:
    return set(Suppression.objects.values_list("address", "reason", "category"))


# --- Suppressions ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        ("a@x.example,BOUNCE\nb@x.example, COMPLAINT\n", (), [("a", "bounce"), ("b", "complaint")]),
        (
            "EmailAddress,Reason,LastUpdateTime\r\na@x.example,BOUNCE,2026-01-05T10:00:00Z\r\n",
            (),
            [("a", "bounce")],
        ),
        (
            'status,reason,email,created\n5.1.1,"550 no ""such"" box",a@x.example,1513299569\n',
            ("--reason", "bounce"),
            [("a", "bounce")],
        ),
        ("email,created\na@x.example,2026-01-05 10:00:00\n", (), [("a", "import")]),
        (
            "\ufeffip,email,created\r\n192.0.2.1,a@x.example,1513299569\r\n\r\n",
            ("--reason", "complaint"),
            [("a", "complaint")],
        ),
    ],
)
def test_lists_of_providers_are_known(
    call: Call, content: str, options: tuple[str, ...], expected: list[tuple[str, str]]
) -> None:
    said = call.imported("suppressions", content, *options)
    assert said == f"Changed: {len(expected)}. As before: 0.\n"
    assert suppressed() == {(f"{name}@x.example", reason, "") for name, reason in expected}
    assert {entry.how for entry in ConsentLog.objects.all()} == {"import"}


def test_moment_and_servers_text_are_kept(call: Call) -> None:
    call.imported("suppressions", "reason,email,created\n550 gone,a@x.example,1513299569\n")
    row = Suppression.objects.get()
    assert (row.note, row.created_date.year, row.reason) == ("550 gone", 2017, "import")


def test_spellings_of_one_address_are_one_on_every_database(call: Call) -> None:
    said = call.imported(
        "suppressions",
        "target,address\nemail,A@x.example\nemail,a@x.example\nexpo,Token[A]\nexpo,Token[a]\n",
    )
    assert said == "Changed: 3. As before: 1.\n"
    assert {row[0] for row in suppressed()} == {"A@x.example", "Token[A]", "Token[a]"}


def test_export_comes_back_whole_even_without_the_address(call: Call) -> None:
    suppress("email", "a@x.example", reason="stop", category="news", note='says "no", twice')
    suppress("twilio_sms", "+4915112345678", reason="bounce")
    Suppression.objects.filter(target_key="twilio_sms").update(address="")
    fields = ("target_key", "address_hash", "address", "category", "reason", "created_date", "note")
    before = set(Suppression.objects.values_list(*fields))
    assert call.run("suppressions", "export") == "Exported: 2.\n"
    assert call.run("suppressions", "import") == "Changed: 0. As before: 2.\n"
    Suppression.objects.all().delete()
    assert call.run("suppressions", "import") == "Changed: 2. As before: 0.\n"
    assert set(Suppression.objects.values_list(*fields)) == before


def test_providers_word_takes_the_place_of_a_wish(call: Call) -> None:
    suppress("email", "a@x.example", reason="stop")
    call.imported("suppressions", "a@x.example,BOUNCE\n")
    assert suppressed() == {("a@x.example", "bounce", "")}
    call.imported("suppressions", "address,reason\na@x.example,stop\n")
    assert suppressed() == {("a@x.example", "bounce", "")}


def test_bad_lines_of_suppressions_are_named_and_the_rest_is_imported(call: Call) -> None:
    content = (
        "target,address,category\nemail,a@x.example,news\nemail,,\nemail,nobody,\n"
        "fax,17,\nemail,b@x.example,nonsense\nemail,c@x.example\n"
    )
    with pytest.raises(CommandError, match=r"^4 lines were left out\.$"):
        call.imported("suppressions", content)
    assert [line.partition(":")[0] for line in call.complaints] == [
        f"Line {n}" for n in (3, 4, 5, 6)
    ]
    assert {row[0] for row in suppressed()} == {"a@x.example", "c@x.example"}


def test_dry_run_of_suppressions_changes_nothing(call: Call) -> None:
    suppress("email", "a@x.example", reason="stop")
    before = dump()
    said = call.imported("suppressions", "a@x.example,BOUNCE\nb@x.example,BOUNCE\n", "--dry-run")
    assert said == "Would change: 1. Would stay: 1.\n"
    assert dump() == before


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"name,age\nann,17\n", "The first line names no known column"),
        (b"", "The first line names no known column"),
        ("email\nzo\u00eb@x.example\n".encode("latin-1"), "is not in UTF-8"),
    ],
)
def test_file_of_another_kind_is_refused(call: Call, content: bytes, error: str) -> None:
    with pytest.raises(CommandError, match=error):
        call.imported("suppressions", content)


def test_no_file_is_an_error(call: Call) -> None:
    with pytest.raises(CommandError, match="The file cannot be read"):
        call.run("suppressions", "import")


def test_many_lines_take_few_queries(call: Call, django_assert_max_num_queries: Any) -> None:
    lines = "".join(f"person-{n}@x.example,BOUNCE\n" for n in range(LINES_AT_ONCE + 1))
    with django_assert_max_num_queries(60):  # SQLite takes few parameters
        said = call.imported("suppressions", lines)
    assert said == f"Changed: {LINES_AT_ONCE + 1}. As before: 0.\n"


# --- Preferences ----------------------------------------------------------------------------


def test_preferences_come_with_moment_and_way(call: Call, user: Any) -> None:
    said = call.imported(
        "preferences",
        "user,category,target,state,at,how\r\negg,news,email,no,2026-01-05T10:00:00Z,one-click\r\n",
    )
    assert said == "Changed: 1. As before: 0.\n"
    assert not allows(user, "news", "email")
    [entry] = ConsentLog.objects.all()
    assert (entry.how, entry.after, entry.at.isoformat()) == (
        "one-click",
        "no",
        "2026-01-05T10:00:00+00:00",
    )


def test_later_word_in_the_database_stays(call: Call, user: Any) -> None:
    set_preference(user, "news", wanted=False, how="page")
    old = "user,category,state,at\negg,news,yes,2020-01-05T10:00:00Z\n"
    assert call.imported("preferences", old, "--dry-run") == "Would change: 0. Would stay: 1.\n"
    assert call.imported("preferences", old) == "Changed: 0. As before: 1.\n"
    assert call.imported("preferences", "user,category,state\negg,news,yes\n") == (
        "Changed: 1. As before: 0.\n"
    )
    assert Preference.objects.get().state == "yes"


def test_preferences_export_comes_back_whole(call: Call, user: Any) -> None:
    set_preference(user, "news", wanted=False, how="page")
    set_preference(user, target_key="email", wanted=True, how="admin")
    fields = ("user", "category", "target_key", "state", "changed_date")
    before = set(Preference.objects.values_list(*fields))
    assert call.run("preferences", "export", "--user-field", "email") == "Exported: 2.\n"
    assert "eggs@example.com,news,,no," in call.file.read_text()
    Preference.objects.all().delete()
    assert (
        call.run("preferences", "import", "--user-field", "email") == "Changed: 2. As before: 0.\n"
    )
    assert set(Preference.objects.values_list(*fields)) == before


def test_bad_lines_of_preferences_are_named(call: Call, user: Any) -> None:
    get_user_model().objects.create_user("twin", email="eggs@example.com")
    later = timezone.now().year + 2
    content = (
        "user,category,target,state,at,how\nnobody,news,,no,,\nEGG,news,,no,,\negg,,,no,,\n"
        "egg,security,,no,,\negg,nonsense,,no,,\negg,news,fax,no,,\negg,news,,maybe,,\n"
        f"egg,news,,no,monday,\negg,news,,no,{later}-01-01T00:00:00Z,\negg,news,,no,,telepathy\n"
        "egg,news,,no,,\n"
    )
    with pytest.raises(CommandError, match=r"^10 lines were left out\.$"):
        call.imported("preferences", content)
    assert [line.partition(":")[0] for line in call.complaints] == [
        f"Line {number}" for number in range(2, 12)
    ]
    assert Preference.objects.get().state == "no"
    twice = "user,category,state\neggs@example.com,news,no\n"
    with pytest.raises(CommandError, match=r"^1 line was left out\.$"):
        call.imported("preferences", twice, "--user-field", "email")
    assert call.complaints == ["Line 2: 2 users have the email 'eggs@example.com'"]


@pytest.mark.parametrize(
    ("command", "header", "line"),
    [
        ("suppressions", "target,address", "pigeon,user{}@example.com"),
        ("preferences", "user,category,target,state", "eggs,news,pigeon,no"),
    ],
)
def test_unknown_target_costs_one_query_and_not_one_a_line(
    call: Call, command: str, header: str, line: str
) -> None:
    get_user_model().objects.create_user("eggs")
    content = "\n".join([header, *(line.format(number) for number in range(20))])
    with CaptureQueriesContext(connection) as captured, pytest.raises(CommandError):
        call.imported(command, content)
    assert sum("target is 'pigeon'" in complaint for complaint in call.complaints) == 20
    table = NotificationTarget._meta.db_table
    assert (
        sum(
            f'FROM "{table}"'.replace('"', "") in each["sql"].translate({34: None, 96: None})
            for each in captured
        )
        == 1
    )


def test_unknown_user_field_is_an_error(call: Call) -> None:
    with pytest.raises(CommandError, match="The user model has no field 'shoe_size'"):
        call.imported("preferences", "user,state\n", "--user-field", "shoe_size")


def test_a_nul_is_one_bad_line(call: Call, user: Any) -> None:
    with pytest.raises(CommandError, match="1 line was left out"):
        call.imported("suppressions", "email,note\neggs@example.com,a\0b\nham@example.com,\n")
    assert call.complaints == ["Line 2: note has a NUL character"]
    assert suppressed() == {("ham@example.com", "import", "")}
    with pytest.raises(CommandError, match="1 line was left out"):
        call.imported("preferences", "user,category,state\ne\0gg,news,no\negg,news,no\n")
    assert not allows(user, "news", "email")


# --- Both -----------------------------------------------------------------------------------


def test_projects_without_time_zones_get_their_own_moments_back(
    call: Call, user: Any, settings: Any
) -> None:
    settings.USE_TZ, settings.TIME_ZONE = False, "Asia/Kolkata"
    call.imported("suppressions", "email,created\na@x.example,2026-01-05T10:00:00Z\n")
    call.imported("preferences", "user,category,state,at\negg,news,no,2026-01-05T10:00:00Z\n")
    there = datetime(2026, 1, 5, 15, 30)  # noqa: DTZ001 # as the project's are
    tables: list[tuple[str, Any, str]] = [
        ("suppressions", Suppression.objects.all(), "created_date"),
        ("preferences", Preference.objects.all(), "changed_date"),
    ]
    for command, rows, moment in tables:
        assert rows.values_list(moment, flat=True).get() == there
        call.run(command, "export")
        rows.delete()
        call.run(command, "import")
        assert rows.values_list(moment, flat=True).get() == there


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_no_moment_at_the_calendars_end_is_stored(call: Call, user: Any, day: str) -> None:
    call.imported("suppressions", f"email,created\na@x.example,{day}T00:00:00Z\n")
    assert Suppression.objects.get().created_date.year == timezone.now().year
    with pytest.raises(CommandError, match=r"^1 line was left out\.$"):
        call.imported("preferences", f"user,category,state,at\negg,news,no,{day}T00:00:00Z\n")


@pytest.mark.parametrize("command", ["suppressions", "preferences"])
def test_a_target_of_the_projects_own_takes_no_query_a_line(
    call: Call, user: Any, command: str
) -> None:
    NotificationTarget.objects.create(name="Fax", notification_module_name="fax")

    def queries(number: int) -> int:
        lines = {
            "suppressions": "address,target\n" + f"a-{number},fax\n" * number,
            "preferences": "user,category,target,state\n" + "egg,news,fax,no\n" * number,
        }
        with CaptureQueriesContext(connection) as captured:
            call.imported(command, lines[command], "--dry-run")
        return len(captured)

    assert queries(1) == queries(20)


def test_a_user_deleted_during_an_export_of_preferences_is_left_out(
    call: Call, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_preference(user, "news", wanted=False, how="page")

    def read_and_delete(*arguments: Any) -> Iterator[list[Any]]:
        for found in by_key(*arguments):
            get_user_model().objects.all().delete()
            yield found

    monkeypatch.setattr(preferences_csv, "by_key", read_and_delete)
    assert call.run("preferences", "export") == "Exported: 0.\n"


@pytest.mark.skipif(os.name != "posix", reason="rights as on Unix")
@pytest.mark.parametrize("command", ["suppressions", "preferences"])
def test_nobody_else_reads_an_exported_file(call: Call, command: str, db: None) -> None:
    call.run(command, "export")
    assert stat.S_IMODE(call.file.stat().st_mode) == 0o600
