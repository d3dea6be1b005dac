"""``export_notification_data`` hands a person what is stored, and nothing about anybody else."""

import json
import os
import stat
import tracemalloc
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system import export_person_data, notify, notify_addresses
from django_notification_system.categories import Category, known_categories
from django_notification_system.exceptions import InvalidPreference
from django_notification_system.models import (
    Notification,
    NotificationAttempt,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.operations import export_person
from django_notification_system.operations.export_person import BATCH_SIZE, write_person_data
from django_notification_system.preferences import set_preference, suppress, unsuppress
from tests.support.runs import make_many

pytestmark = pytest.mark.django_db

ADDRESS = "eggs@example.com"


@pytest.fixture(autouse=True)
def categories() -> Iterator[None]:
    with known_categories(Category("news", label="News")):
        yield


@pytest.fixture
def life(user: Any, records: dict[str, TargetUserRecord]) -> Any:
    """A person with traces everywhere, beside somebody else with the same."""
    other = get_user_model().objects.create_user(username="ham", email="ham@example.com")
    TargetUserRecord.objects.create(
        user=other,
        target=NotificationTarget.objects.get(name="Email"),
        target_user_id="ham@example.com",
        description="-",
    )
    TargetUserRecord.objects.filter(user=user).update(details={"auth": "very secret"})
    for person in (user, other):
        others = {
            "cc": ["cc@example.net"],
            "bcc": ["bcc@example.net"],
            "reply_to": ["re@example.net"],
        }
        extra = {**others, "headers": {"X-Campaign": "june"}}
        file = [("bill.txt", b"42", "text/plain")]
        notify(person, f"For {person}", "-", target="Email", extra=extra, attachments=file)
        set_preference(person, "news", wanted=False, how="page")
        suppress("email", person.email, reason="manual", note="ham@example.com told the office")
    for notification in Notification.objects.all():
        NotificationAttempt.objects.create(
            notification=notification, attempted_at=timezone.now(), result="RETRY", response="busy"
        )
    set_preference(user, wanted=False, how="page")
    notify_addresses([ADDRESS], "Before the account", "-", target="Email")
    return user


def test_the_log_of_a_lifted_suppression_is_there(life: Any) -> None:
    unsuppress("email", ADDRESS)
    entries = export("egg")["consent_log"]
    of_address = [(row["before"], row["after"]) for row in entries if row["wording"] == "manual"]
    assert of_address == [("", "no"), ("no", "")]


def export(*arguments: str) -> Any:
    printed = StringIO()
    call_command("export_notification_data", *arguments, stdout=printed)
    return json.loads(printed.getvalue())


def test_all_of_the_person_is_there(life: Any) -> None:
    data = export("egg")
    assert sorted(row["target_user_id"] for row in data["records"]) == [
        "+15005550006",
        "ExponentPushToken[eggs-benedict]",
        ADDRESS,
        ADDRESS,
    ]
    assert {row["target"] for row in data["records"]} == {"Email", "Twilio", "Expo"}
    assert [row["active"] for row in data["opt_out"]] == [True]
    assert [(row["category"], row["state"]) for row in data["preferences"]] == [("news", "no")]
    assert {(row["category"], row["after"], row["how"]) for row in data["consent_log"]} == {
        ("news", "no", "page"),
        ("", "no", "page"),
        ("", "no", "admin"),  # of the address
    }
    assert [(row["address"], row["reason"]) for row in data["suppressions"]] == [
        (ADDRESS, "manual")
    ]
    first, second = data["notifications"]
    assert (first["title"], second["title"]) == ("For egg", "Before the account")
    assert first["attachments"] == [{"name": "bill.txt", "mimetype": "text/plain", "size": 2}]
    assert [(row["result"], row["response"]) for row in first["attempts"]] == [("RETRY", "busy")]
    assert first["extra"]["headers"]["X-Campaign"] == "june"


def test_nothing_of_others_and_no_secret_is_there(life: Any) -> None:
    text = json.dumps(export("egg"))
    for trace in ("ham", "very secret", "cc@", "re@example.net", "example.net"):
        assert trace not in text


def test_function_and_command_say_the_same(life: Any) -> None:
    as_json = json.loads(json.dumps(export_person_data(life), default=_text))
    assert {kind: len(rows) for kind, rows in as_json.items()} == {
        kind: len(rows) for kind, rows in export("egg").items()
    }


def _text(value: Any) -> str:
    return str(value)


def test_queued_mail_loses_its_other_recipients(user: Any, settings: Any) -> None:
    from django.core.mail import EmailMessage

    from django_notification_system.mail import QueueBackend

    message = EmailMessage(
        "Hello",
        "-",
        "office@example.com",
        [ADDRESS],
        bcc=["bcc@example.net"],
        cc=["cc@example.net"],
    )
    QueueBackend().send_messages([message])
    text = json.dumps(export("egg"))
    assert "Hello" in text
    assert "example.net" not in text


def test_file_is_for_its_owner_alone(
    life: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "egg.json"
    call_command("export_notification_data", "egg", "--output", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text()).keys() == export("egg").keys()
    said = capsys.readouterr()
    assert said.out == ""
    assert "notifications 2" in said.err


def test_file_that_cannot_be_written_is_an_error(user: Any, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="The file cannot be written"):
        export("egg", "--output", str(tmp_path / "no" / "egg.json"))


def test_person_without_anything_gets_empty_lists(user: Any) -> None:
    assert not any(export("egg").values())


def test_memory_stays_the_same_with_many_notifications(
    loft: TargetUserRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_person, "KEYS_AT_ONCE", 2000)

    def write() -> None:
        with open(os.devnull, "w") as nowhere:
            written = write_person_data(loft.user, nowhere.write)
        assert written["notifications"] == Notification.objects.count()

    def peak() -> int:
        tracemalloc.start()
        write()
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    make_many(loft, 1)
    write()  # what is made once
    make_many(loft, 2 * BATCH_SIZE - 1)
    few = peak()
    make_many(loft, 8 * BATCH_SIZE)
    assert peak() < 1.5 * few
    # To sort all keys of a person for each 500 would take the square of their number.
    with CaptureQueriesContext(connection) as captured:
        write()
    sorting = [
        sql
        for each in captured
        if "target_user_record_id" in (sql := each["sql"]).rpartition("WHERE")[2]
    ]
    assert len(sorting) == 3


def test_no_user_is_refused() -> None:
    with pytest.raises(InvalidPreference, match="user must be a saved user"):
        export_person_data(get_user_model()())
