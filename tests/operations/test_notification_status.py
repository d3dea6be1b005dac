"""``notification_status``: what it shows, what it costs, when its exit status is 1."""

import io
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import InterfaceError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from jsonschema import Draft202012Validator

from django_notification_system.management.commands import notification_status
from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.operations.console.duration import duration, spoken
from django_notification_system.operations.console.text_table import table
from django_notification_system.operations.queue.causes import cause
from tests.conftest import MakeDue
from tests.support.places import ROOT
from tests.support.plans import plan_of, statements_of

Records = dict[str, TargetUserRecord]

SCHEMA = ROOT / "docs" / "schemas" / "notification_status.json"


def shown(*arguments: str) -> str:
    output = io.StringIO()
    call_command("notification_status", *arguments, stdout=output)
    return output.getvalue()


def as_json(*arguments: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(shown("--format", "json", *arguments))
    schema = json.loads(SCHEMA.read_text())
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(
        report
    )
    return report


def of_target(name: str, *arguments: str) -> dict[str, Any]:
    [found] = [each for each in as_json(*arguments)["targets"] if each["name"] == name]
    assert isinstance(found, dict)
    return found


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def ended(make_due: MakeDue, record: TargetUserRecord, status: str, **fields: Any) -> Notification:
    now = timezone.now()
    values = {"attempted_delivery": now - minutes(5), "scheduled_delivery": now - minutes(6)}
    return make_due(record, status=status, **{**values, **fields})


def test_what_waits_is_counted_by_target_and_by_when_it_is_due(
    records: Records, make_due: MakeDue
) -> None:
    later = timezone.now() + minutes(60)
    for title in ("one", "two"):
        make_due(records["Email"], title=title)
    make_due(records["Email"], title="again", status="RETRY")
    make_due(records["Email"], title="later", scheduled_delivery=later)
    make_due(records["Email"], title="wait", status="RETRY", scheduled_delivery=later)
    make_due(records["Email"], title="off", status="CANCELLED")
    make_due(records["Twilio"])
    email = of_target("Email")
    assert (email["due"], email["due_retries"]) == (3, 1)
    assert (email["scheduled_later"], email["retrying"]) == (1, 1)
    assert 60 <= email["oldest_due_seconds"] < 120
    assert of_target("Twilio")["due"] == 1
    expo = of_target("Expo")
    assert (expo["due"], expo["oldest_due"], expo["oldest_due_seconds"]) == (0, None, None)


def test_what_no_run_has_given_a_target_counts_for_its_records_target(
    records: Records, make_due: MakeDue
) -> None:
    make_due(records["Email"])
    make_due(records["Email"], title="sent", status="DELIVERED", attempted_delivery=timezone.now())
    ended(make_due, records["Email"], "RETRY", title="wait", response="450 Later")
    Notification.objects.update(target=None)
    report = as_json("--target", "Email")
    [email] = report["targets"]
    assert (email["due"], email["last_hour"]["delivered"]) == (2, 1)
    assert email["last_hour"]["failed_for_now"] == 1
    assert [each["cause"] for each in report["causes"]] == ["450 Later"]


def test_the_last_hour_counts_what_was_attempted_in_it(records: Records, make_due: MakeDue) -> None:
    email = records["Email"]
    now = timezone.now()
    for number in range(3):
        ended(make_due, email, "DELIVERED", title=f"{number}")
    ended(make_due, email, "DELIVERED", title="old", attempted_delivery=now - minutes(61))
    # Due long ago, and delivered only now: the queue was long.
    ended(make_due, email, "DELIVERED", title="late", scheduled_delivery=now - minutes(600))
    for status in ("DELIVERY FAILURE", "INACTIVE DEVICE", "OPTED OUT", "EXPIRED"):
        ended(make_due, email, status, title=status)
    # Settled without an attempt.
    ended(make_due, email, "OPTED OUT", title="unsent", attempted_delivery=None)
    ended(make_due, email, "RETRY", scheduled_delivery=now + minutes(60))
    [status] = as_json("--target", "Email")["targets"]
    assert status["last_hour"] == {
        "delivered": 4,
        "failed": 4,
        "failed_for_now": 1,
        "at_least": False,
    }


def test_where_more_was_delivered_than_is_looked_at_it_says_at_least(
    records: Records, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_notification_system.operations.queue import counts as queue_counts

    monkeypatch.setattr(queue_counts, "ATTEMPTS_COUNTED", 2)
    for number in range(3):
        ended(make_due, records["Email"], "DELIVERED", title=f"{number}")
    [status] = as_json("--target", "Email")["targets"]
    assert status["last_hour"]["delivered"] == 2
    assert status["last_hour"]["at_least"]
    assert "2+" in shown("--target", "Email")


def test_failures_are_told_by_cause_the_most_frequent_first(
    records: Records, make_due: MakeDue
) -> None:
    for number in range(3):
        ended(
            make_due,
            records["Email"],
            "RETRY",
            title=f"{number}",
            response=f"Email not sent: 451 4.3.0 Again in {number + 10} s (id 4XyZ{number}abcd)",
        )
    ended(make_due, records["Twilio"], "DELIVERY FAILURE", response="HTTP 400, code 21211: no")
    assert as_json()["causes"] == [
        {
            "target": "Email",
            "cause": "Email not sent: 451 4.3.0 Again in # s (id …)",
            "notifications": 3,
        },
        {"target": "Twilio", "cause": "HTTP 400, code 21211: no", "notifications": 1},
    ]


def test_what_was_not_sent_is_told_by_reason(records: Records, make_due: MakeDue) -> None:
    reasons = {
        "OPTED OUT": "Not sent: the user has opted out of news by email.",
        "INACTIVE DEVICE": "Not sent: the address is suppressed: bounce.",
    }
    for number, (status, response) in enumerate(reasons.items(), 1):
        for copy in range(number):
            make_due(records["Email"], title=f"{status} {copy}", status=status, response=response)
    early = timezone.now() - minutes(61)
    make_due(
        records["Email"],
        status="OPTED OUT",
        response=reasons["OPTED OUT"],
        scheduled_delivery=early,
    )
    make_due(records["Email"], title="held back by an opt-out", status="OPTED OUT")
    assert as_json()["not_sent"] == [
        {"target": "Email", "cause": reasons["INACTIVE DEVICE"], "notifications": 2},
        {"target": "Email", "cause": reasons["OPTED OUT"], "notifications": 1},
    ]
    assert (
        "Why notifications due in the last hour were not sent\n"
        "2  Email  Not sent: the address is suppressed: bounce.\n"
        "1  Email  Not sent: the user has opted out of news by email."
    ) in shown()
    assert "were not sent" not in shown("--target", "Expo")


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("550 5.1.1 <egg@example.com>: no such user", "550 5.1.1 <…>: no such user"),
        ("egg@example.com: 550 5.7.1 Refused", "…: 550 5.7.1 Refused"),
        ("HTTP 429, code 20429: too many", "HTTP 429, code 20429: too many"),
        (
            "[Errno 111] Connection refused (127.0.0.1 port 2525)",
            "[Errno 111] Connection refused (127.0.0.1 port 2525)",
        ),
        ("The number +15005550006 is not valid", "The number # is not valid"),
        ('"ExponentPushToken[abc-1]" is gone', '"ExponentPushToken[…]" is gone'),
        ("SM0123456789abcdef0123456789abcdef is queued", "… is queued"),
        (f"request {uuid.UUID(int=7)} failed", "request … failed"),
        ("timed out after 10.5 seconds\nand 3 tries", "timed out after # seconds and # tries"),
        ("450 4.7.1 Greylisted, session 411", "450 4.7.1 Greylisted, session #"),
        ("", ""),
    ],
)
def test_a_cause_keeps_codes_and_loses_what_varies(response: str, expected: str) -> None:
    assert cause(response) == expected


def test_claims_that_have_not_ended_are_shown_with_their_rows(
    records: Records, make_due: MakeDue
) -> None:
    holder, dead = uuid.uuid4(), uuid.uuid4()
    for number in range(3):
        make_due(
            records["Email"],
            title=f"{number}",
            claim_token=holder if number < 2 else dead,
            claimed_until=timezone.now() + minutes(5 if number < 2 else -5),
        )
    [claim] = as_json()["claims"]
    assert (claim["token"], claim["target"]) == (str(holder), "Email")
    assert claim["notifications"] == 2
    text = shown()
    assert "Workers hold 1 batch\n" in text
    assert "No worker" not in text


def test_a_paused_target_is_named_with_its_reason(records: Records, make_due: MakeDue) -> None:
    until = timezone.now() + minutes(10)
    NotificationTarget.objects.filter(name="Twilio").update(
        paused_until=until, pause_reason="HTTP 503"
    )
    twilio = of_target("Twilio")
    assert twilio["pause_reason"] == "HTTP 503"
    assert twilio["paused_until"] == until.isoformat()
    assert "Paused\nTwilio  until" in shown()
    NotificationTarget.objects.update(paused_until=timezone.now() - minutes(1))
    assert of_target("Twilio")["paused_until"] is None
    assert "Paused" not in shown()


def test_the_table_is_aligned_and_cannot_steer_the_terminal(
    records: Records, make_due: MakeDue
) -> None:
    ended(make_due, records["Email"], "RETRY", response="\x1b[31mred")
    lines = shown().splitlines()
    assert " ".join(lines[0].split()) == (
        "Target Due Oldest due for Later Retrying Delivered/h Failed/h Failed for now/h"
    )
    assert len({len(line) for line in lines[:4]}) == 1
    assert "\x1b" not in shown()
    assert "\\x1b[31mred" in shown()


def test_wide_characters_take_two_columns() -> None:
    assert table([["卵", "1"], ["egg", "2"]]) == "卵   1\negg  2"


def test_max_age_is_silent_about_what_is_young_enough(records: Records, make_due: MakeDue) -> None:
    make_due(records["Email"])
    make_due(records["Email"], title="sent", status="DELIVERED", attempted_delivery=timezone.now())
    later = timezone.now() + minutes(60)
    make_due(records["Email"], title="later", scheduled_delivery=later)
    assert shown("--max-age", "15m") == "Nothing has been due for longer than 15m.\n"


@pytest.mark.parametrize("has_target", [True, False])
@pytest.mark.parametrize("status", ["SCHEDULED", "RETRY"])
def test_max_age_exits_with_1_and_one_line_for_what_is_too_old(
    records: Records, make_due: MakeDue, has_target: bool, status: str
) -> None:
    due = timezone.now() - minutes(185)
    make_due(records["Email"], status=status, scheduled_delivery=due)
    if not has_target:
        Notification.objects.update(target=None)
    with pytest.raises(CommandError) as raised:
        shown("--max-age", "15m")
    assert raised.value.returncode == 1
    assert str(raised.value) == (
        "Due for longer than 15m: Email for 3h 5m. See that process_notifications runs."
    )


def test_max_age_leaves_out_paused_and_unchosen_targets(
    records: Records, make_due: MakeDue
) -> None:
    make_due(records["Email"], scheduled_delivery=timezone.now() - minutes(60))
    assert shown("--max-age", "15m", "--target", "Twilio").startswith("Nothing")
    NotificationTarget.objects.filter(name="Email").update(paused_until=timezone.now() + minutes(5))
    assert shown("--max-age", "15m").startswith("Nothing")


def test_max_age_as_json_tells_the_same(records: Records, make_due: MakeDue) -> None:
    assert as_json("--max-age", "15m")["health"]["healthy"]
    make_due(records["Email"], scheduled_delivery=timezone.now() - minutes(60))
    output = io.StringIO()
    with pytest.raises(CommandError):
        call_command("notification_status", "--format", "json", "--max-age", "15m", stdout=output)
    health = json.loads(output.getvalue())["health"]
    assert not health["healthy"]
    assert [each["target"] for each in health["overdue"]] == ["Email"]


@pytest.mark.parametrize("span", ["15", "m", "0m", "-1m", "99999999w"])
def test_a_span_that_is_none_is_refused(db: None, span: str) -> None:
    with pytest.raises(CommandError, match="max-age"):
        shown(f"--max-age={span}")


def test_spans_are_read_and_spoken() -> None:
    assert duration("90d") == timedelta(days=90)
    assert duration("2W") == timedelta(days=14)
    assert [spoken(timedelta(seconds=number)) for number in (0, 59, 60, 3900, 90_061, 172_805)] == [
        "0s",
        "59s",
        "1m",
        "1h 5m",
        "1d 1h",
        "2d",
    ]


def test_an_unknown_target_is_an_error_that_names_the_known(records: Records) -> None:
    with pytest.raises(CommandError, match=r"There is no target 'Fax'\. The targets are: "):
        shown("--target", "Fax")


def count_queries(*arguments: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        shown(*arguments)
    return len(captured)


def test_the_number_of_queries_does_not_grow_with_the_queue(
    records: Records, make_due: MakeDue
) -> None:
    idle = count_queries()
    for number in range(30):
        make_due(records["Email"], title=f"{number}")
        ended(make_due, records["Email"], "DELIVERED", title=f"{number}")
        ended(make_due, records["Email"], "RETRY", title=f"{number}", response=f"{number}")
    assert count_queries() == idle


def test_no_query_reads_all_that_is_done_with(records: Records, make_due: MakeDue) -> None:
    make_due(records["Email"])
    ended(make_due, records["Email"], "DELIVERED")
    for arguments in ((), ("--max-age", "15m")):
        for statement in statements_of(lambda arguments=arguments: shown(*arguments)):  # type: ignore[misc]
            if connection.vendor == "sqlite":
                for access in plan_of(statement).accesses:
                    of_notifications = access.table.endswith("_notification")
                    assert not (access.whole and of_notifications), statement


def test_a_lost_connection_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object, **__: object) -> None:
        raise InterfaceError("connection already closed")

    monkeypatch.setattr(notification_status, "targets_named", lost)
    with pytest.raises(CommandError, match="'default' cannot be read: connection already closed"):
        call_command("notification_status")
