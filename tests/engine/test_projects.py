"""Whole small projects, each in processes of its own: what settings differ in, users included."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tests.support.forked import run
from tests.support.site import SITE, Project, set_up, start_project
from tests.support.subprocesses import environment_of, run_python

__all__ = ["set_up", "start_project"]  # the fixtures

STARS = "*" * 33


def expect_everything_to_work(project: Project) -> str:
    """Run the commands and visit the admin; return what ``process_notifications`` printed."""
    created, unchanged = project.manage_all(*["create_email_target_user_records"] * 2)
    assert "2 created" in created.output.lower()
    assert "2 unchanged" in unchanged.output.lower()
    output = project.manage("process_notifications").stdout
    assert output.count(STARS) == 3
    assert project.received() == {
        "by-hand@example.com": 1,
        "+4915112345678": 1,
        "ExponentPushToken[1]": 1,
    }
    assert project.run("visit_admin.py").stdout == ""
    expect_operations_to_work(project)
    return output


def expect_operations_to_work(project: Project) -> None:
    """Run the commands for the people who run the site."""
    second_run, as_json, as_text, max_age, _, purge = project.manage_all(
        "process_notifications",
        "notification_status --format json",
        "notification_status",
        "notification_status --max-age 15m",
        "send_test_notification --target Email --to oncall@example.com",
        "purge_notifications --older-than 1s",
    )
    assert second_run == ("", {"DELIVERED": 3, "SCHEDULED": 3})
    status = json.loads(as_json.output)
    assert [each["scheduled_later"] for each in status["targets"]] == [1, 1, 1]
    assert [each["last_hour"]["delivered"] for each in status["targets"]] == [1, 1, 1]
    assert "Email" in as_text.output
    assert "Nothing" in max_age.output
    assert project.received()["oncall@example.com"] == 1
    assert "Deleted 3" in purge.output
    assert purge.statuses == {"SCHEDULED": 3}


def make_due(project: Project, count: int) -> None:
    """Make due notifications by email, each to an address of its own."""
    project.shell(
        "record = TargetUserRecord.objects.filter(target__name='Email').first()\n"
        f"for number in range({count}):\n"
        "    address = f'{number}@example.com'\n"
        "    record.pk, record.target_user_id, record._state.adding = None, address, True\n"
        "    record.save()\n"
        "    Notification.objects.create(user_target=record, title=address, body='lorem ' * 100,\n"
        "        status='SCHEDULED', scheduled_delivery=timezone.now() - timedelta(minutes=1))\n"
    )


def test_plain_project(start_project: Callable[..., Project]) -> None:
    output = expect_everything_to_work(start_project("plain"))
    assert "\nDue 🥚 שלום - lorem ipsum… مرحبا\nEmail Successfully Sent\n" in output


def test_user_model_with_other_key_and_no_username(start_project: Callable[..., Project]) -> None:
    project = start_project("other_user_model")
    output = expect_everything_to_work(project)
    assert output.startswith("egg@example.com - ")
    followed = project.shell(
        "records = TargetUserRecord.objects.filter(origin='USER EMAIL')\n"
        "print(*sorted(f'{r.user.get_username()} {r.target_user_id}' for r in records), sep=', ')"
    )
    assert followed == ("admin@example.com admin@example.com, egg@example.com egg@example.com\n")


def test_purge_heeds_models_of_the_project(start_project: Callable[..., Project]) -> None:
    project = start_project("other_user_model")
    project.shell(
        "from people.models import Complaint\n"
        "long_ago = timezone.now() - timedelta(days=100)\n"
        "Notification.objects.update(status='DELIVERED', scheduled_delivery=long_ago)\n"
        "first, *others = Notification.objects.all()\n"
        "Complaint.objects.create(about=first, evidence=first)"
    )
    command = "-m", "django", "purge_notifications", "--older-than", "90d"
    refused = run(command, folder=SITE, environment=environment_of(project.environment))
    assert refused.returncode == 1
    assert refused.stderr.startswith("CommandError: Not all was deleted, as other rows refer")
    assert "Complaint.evidence" in refused.stderr
    assert "Deleted 5" in refused.stdout  # the others go all the same
    project.shell("from people.models import Complaint\nComplaint.objects.update(evidence=None)")
    assert "Deleted 1" in project.run(*command).stdout
    left = "from people.models import Complaint\nprint(Complaint.objects.count())"
    assert project.shell(left) == "0\n"


def test_project_in_local_time(start_project: Callable[..., Project]) -> None:
    project = start_project("local_time")
    output = expect_everything_to_work(project)
    moments = re.findall(r"^egg - (.*) - SCHEDULED$", output, re.MULTILINE)
    assert len(moments) == 3
    here = datetime.now(ZoneInfo("Europe/Berlin")).replace(tzinfo=None)
    for moment in moments:
        due = datetime.fromisoformat(moment)
        assert due.tzinfo is None
        assert timedelta(0) < here - due < timedelta(minutes=15)


def test_retry_in_local_time_is_due_after_its_interval(
    start_project: Callable[..., Project],
) -> None:
    project = start_project("local_time")
    project.mail.answer("RCPT", "451 4.3.0 Try later", times=1)
    project.manage("process_notifications")
    waits = project.shell(
        "retry = Notification.objects.get(status='RETRY')\n"
        "print((retry.scheduled_delivery - datetime.now()) // timedelta(minutes=1))"
    )
    assert 25 <= int(waits) <= 30  # what is transient waits for transient_interval
    assert project.manage("process_notifications").stdout == ""


def test_run_in_local_time_leaves_alone_what_another_holds(
    start_project: Callable[..., Project],
) -> None:
    project = start_project("local_time")
    project.shell(
        "from django_notification_system.delivery.claims.due import Due\n"
        "from django_notification_system.delivery.claims.take import take\n"
        "for target in NotificationTarget.objects.all():\n"
        "    due = Due(target=target, due_by=datetime.now(), using='default')\n"
        "    take(due, 9, lease_seconds=300)\n"
    )
    assert project.claimed() == 3
    assert project.manage("process_notifications").stdout == ""
    project.shell("Notification.objects.update(claimed_until=datetime(2021, 1, 1))")
    assert project.manage("process_notifications").stdout.count(STARS) == 3


def test_router_keeps_the_tables_in_the_second_database(
    start_project: Callable[..., Project],
) -> None:
    project = start_project("two_databases", aliases=("default", "second"))
    expect_everything_to_work(project)
    tables = project.shell(
        "from django.db import connections\n"
        "print(*connections['default'].introspection.table_names())"
    )
    assert tables.split() == ["django_migrations", "django_session"]


def test_site_without_the_clients_of_other_targets(start_project: Callable[..., Project]) -> None:
    project = start_project("email_only")
    result = project.manage("process_notifications")
    assert project.received() == {"by-hand@example.com": 1}
    assert project.statuses() == {"DELIVERED": 1, "SCHEDULED": 5}
    assert result.stdout.count(STARS) == 3
    for extra in ("twilio", "expo"):
        assert f"pip install 'django-notification-system[{extra}]'" in result.stdout
        assert f"pip install 'django-notification-system[{extra}]'" in result.stderr
    assert project.claimed() == 0
    assert project.run("visit_admin.py").stdout == ""


def test_terminal_that_knows_only_ascii(start_project: Callable[..., Project]) -> None:
    project = start_project("plain")
    # Python's own start reads the variable.
    result = run_python(
        *("-m", "django", "process_notifications"),
        folder=SITE,
        environment={**project.environment, "PYTHONIOENCODING": "ascii"},
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.isascii()
    assert "\nDue \\U0001f95a \\u05e9\\u05dc\\u05d5\\u05dd - lorem ipsum" in result.stdout
    assert project.statuses() == {"DELIVERED": 3, "SCHEDULED": 3}


def test_reader_that_goes_away_loses_nothing(start_project: Callable[..., Project]) -> None:
    """``process_notifications | head -1``."""
    project = start_project("plain")
    make_due(project, 300)  # with more to print than a pipe takes before it is read
    with subprocess.Popen(
        [sys.executable, "-m", "django", "process_notifications", "--target", "Email"],
        cwd=SITE,
        env=environment_of(project.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"egg - ")
        process.stdout.close()

    assert project.claimed() == 0
    assert project.statuses()["DELIVERED"] == 301
    assert len(project.mail.received) == 301
    assert set(project.received().values()) == {1}
