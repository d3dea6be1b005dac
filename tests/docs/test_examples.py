"""The documentation's examples run, and do what the pages say."""

import contextlib
import copy
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import uuid
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from django_notification_system import checks, signals
from django_notification_system.categories import known_categories
from django_notification_system.error_pages import FILTER
from django_notification_system.exceptions import NotificationsNotCreated
from django_notification_system.mail import QueueBackend
from django_notification_system.models import (
    ConsentLog,
    Notification,
    Suppression,
    TargetUserRecord,
)
from django_notification_system.notification_handlers.twilio.settings import twilio_settings
from django_notification_system.preferences import allows
from django_notification_system.testing.providers import ProviderStandIn
from django_notification_system.testing.smtp import SmtpStandIn
from tests.conftest import MakeDue
from tests.settings import TEST_DATABASE
from tests.support import forked
from tests.support.documentation import (
    APP,
    DOCS,
    EXAMPLES,
    Records,
    assert_documented,
    own_environment,
    process,
    run_example,
    steady,
)
from tests.support.mail_backends import HAS_MAILERS, use_backend
from tests.support.mail_shapes import Shouting
from tests.support.places import ROOT, TESTS
from tests.support.scratch_databases import scratch_database
from tests.support.terminal import on_terminal


@pytest.fixture
def due(records: Records, providers: ProviderStandIn, mail_server: SmtpStandIn) -> None:
    """The tutorial's three notifications, and where they go."""
    run_example("first_notifications.py")


# --- The examples ---------------------------------------------------------------------------


def test_settings_of_the_installation_page_pass_the_checks(monkeypatch: Any) -> None:
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC0")
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "secret")
    settings = run_example("project_settings.py")
    assert APP in settings["INSTALLED_APPS"]
    with override_settings(**{name: settings[name] for name in settings if name.isupper()}):
        assert checks.check_settings() == []
        assert twilio_settings().account_sid == "AC0"


def test_the_filter_of_error_pages_is_this_apps() -> None:
    assert run_example("error_pages_settings.py")["DEFAULT_EXCEPTION_REPORTER_FILTER"] == FILTER


def test_notify_example_reaches_everybody_it_names(
    records: Records, capsys: pytest.CaptureFixture[str], django_user_model: Any
) -> None:
    django_user_model.objects.create_user("without_records")
    run_example("notify_users.py")
    assert capsys.readouterr().out == "1 notifications created\n"
    titles = list(Notification.objects.values_list("title", "user_target__target__name"))
    assert sorted(titles) == [
        ("Breakfast is ready", "Email"),
        ("Breakfast is ready", "Expo"),
        ("Breakfast is ready", "Twilio"),
        ("The kitchen is closed today", "Email"),
        ("Your table is free", "Expo"),
        ("Your table is free", "Twilio"),
    ]


def test_idempotency_key_example_notifies_once(
    records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    run_example("notify_once.py")
    assert_documented(capsys.readouterr().out, "notify_once")
    assert Notification.objects.count() == 1


def test_expiry_example_notifies_in_time(records: Records) -> None:
    run_example("notify_in_time.py")
    for notification in Notification.objects.all():
        assert notification.expires_at is not None
        assert notification.expires_at - notification.scheduled_delivery == timedelta(hours=1)
    assert Notification.objects.count() == len(records)


def test_files_example_sends_both(
    records: Records, mail_server: SmtpStandIn, providers: ProviderStandIn
) -> None:
    run_example("attach_files.py")
    process()
    [mail] = mail_server.received
    assert [part.get_filename() for part in mail.iter_attachments()] == ["invoice.pdf", "items.csv"]


def in_capitals(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name.isupper()}


def test_queue_examples_deliver_later(
    records: Records, mail_server: SmtpStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "queue_mailers_settings.py" if HAS_MAILERS else "queue_settings.py"
    values = run_example(name)
    names = ("MAILERS" if HAS_MAILERS else "EMAIL_BACKEND", "NOTIFICATION_SYSTEM_TARGETS")
    changed: dict[str, Any] = {name: values[name] for name in names}
    if HAS_MAILERS:
        options = {"host": "127.0.0.1", "port": mail_server.port}
        changed["MAILERS"]["smtp"]["OPTIONS"] = options
    with override_settings(**changed):
        assert checks.check_settings() == []
        run_example("queue_mail.py")
        run_example("queue_priority.py")
    assert mail_server.received == []
    process()
    subjects = {mail["Subject"] for mail in mail_server.received}
    assert subjects == {"Your code is 4711", "Reset your password"}


def test_backend_for_bytes_sends_a_signed_mail(
    records: Records, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "sendmail"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\ncat > {tmp_path}/mail\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    backend = run_example("sends_bytes.py")["SendmailBackend"]
    monkeypatch.setitem(sys.modules, "shop_mail", SimpleNamespace(SendmailBackend=backend))
    use_backend(settings, "shop_mail.SendmailBackend")
    QueueBackend().send_messages([Shouting("S", "s", "shop@example.com", ["ann@example.com"])])
    process()
    arguments = (tmp_path / "arguments").read_text()
    assert arguments == "-i -f shop@example.com -- ann@example.com\n"
    assert "X-Signed: yes" in (tmp_path / "mail").read_text()


@pytest.mark.skipif(not HAS_MAILERS, reason="MAILERS came with Django 6.1")
def test_queue_mailers_example_passes_the_checks() -> None:
    with override_settings(**in_capitals(run_example("queue_mailers_settings.py"))):
        assert checks.check_settings() == []


def test_settings_for_removing_texts_pass_the_checks() -> None:
    with override_settings(**in_capitals(run_example("keep_bodies_settings.py"))):
        assert checks.check_settings() == []


def test_priority_example_lets_the_code_go_first(records: Records) -> None:
    run_example("notify_urgently.py")
    priorities = dict(Notification.objects.values_list("title", "priority"))
    assert priorities == {"News from the kitchen": 0, "Your code is 4711": 9}


def test_categories_example_declares_the_category_of_the_news(records: Records) -> None:
    with known_categories() as categories:
        run_example("notification_types.py")
        run_example("notify_of_news.py")
        assert list(categories) == ["news", "orders", "security"]
    assert Notification.objects.get().category == "news"


def test_invalid_notification_example_says_where(
    records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    run_example("invalid_notification.py")
    assert_documented(capsys.readouterr().out, "invalid_notification")
    assert not Notification.objects.exists()


def test_creators_example_sends_three(
    records: Records, providers: ProviderStandIn, mail_server: SmtpStandIn
) -> None:
    run_example("creators.py")
    process()
    [email] = mail_server.received
    assert email.text.strip() == "Come while it is hot."
    text_message, push = sorted(providers.received, key=lambda message: message.provider)[::-1]
    assert text_message.body == "Breakfast is ready."
    assert push.fields["data"] == {"screen": "menu"}
    assert push.fields["subtitle"] == "Today: eggs"


def test_template_example_arrives_with_all_its_parts(
    records: Records, mail_server: SmtpStandIn, settings: Any, tmp_path: Path
) -> None:
    project = {"BASE_DIR": tmp_path, "TEMPLATES": copy.deepcopy(settings.TEMPLATES)}
    exec((EXAMPLES / "email_settings.py").read_text(), project)  # as it is pasted
    settings.TEMPLATES, settings.MEDIA_ROOT = project["TEMPLATES"], project["MEDIA_ROOT"]
    shutil.copytree(EXAMPLES / "templates", tmp_path / "templates")
    run_example("email_template.py")
    assert "Email Successfully Sent" in process()
    [email] = mail_server.received
    assert "<p>Hello Eggs,</p>" in email.html
    assert "  * Hollandaise" in email.text
    assert email["Reply-To"] == "orders@example.com"
    assert email["X-Order"] == "1021"
    assert email.envelope_to == ["eggs@example.com", "kitchen@example.com"]
    [attachment] = email.iter_attachments()
    assert attachment.get_filename() == "1021.pdf"
    assert attachment.get_content() == b"%PDF-1.7 the invoice"


def test_opt_out_examples_hold_back_and_restore(
    records: Records, make_due: MakeDue, capsys: pytest.CaptureFixture[str]
) -> None:
    late = make_due(records["Email"])
    in_time = make_due(
        records["Email"], title="later", scheduled_delivery=timezone.now() + timedelta(days=1)
    )
    run_example("opt_out.py")
    run_example("is_opted_out.py")
    assert capsys.readouterr().out == "Egg wants to hear nothing.\n"
    assert set(Notification.objects.values_list("status", flat=True)) == {"OPTED OUT"}
    run_example("opt_in.py")
    run_example("is_opted_out.py")
    assert capsys.readouterr().out == ""
    late.refresh_from_db()
    in_time.refresh_from_db()
    assert (late.status, in_time.status) == ("OPTED OUT", "SCHEDULED")


def test_preferences_example_stores_a_no(
    records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    with known_categories():
        run_example("notification_types.py")
        run_example("preferences.py")
    assert_documented(capsys.readouterr().out, "preferences")


def test_suppression_example_suppresses_the_address(db: None) -> None:
    run_example("suppress.py")
    assert Suppression.objects.get().address == "gone@example.com"


def test_double_opt_in_example_waits_for_the_link(
    user: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with known_categories():
        run_example("double_opt_in.py")
    assert_documented(capsys.readouterr().out, "double_opt_in")
    log = ConsentLog.objects.order_by("id").values_list("after", "how")
    assert list(log) == [("pending", "page"), ("yes", "link")]


def test_import_example_brings_preferences_along(user: Any) -> None:
    with known_categories():
        run_example("notification_types.py")
        run_example("import_preferences.py")
        assert not allows(user, "news", "email")
    assert ConsentLog.objects.get().how == "import"


def test_receivers_example_hears_of_both_ends(
    records: Records,
    mail_server: SmtpStandIn,
    make_due: MakeDue,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Any,
) -> None:
    receivers = run_example("receivers.py")
    mail_server.answer("RCPT", "554 5.7.1 Refused", times=1)
    make_due(records["Email"])
    make_due(records["Email"], title="second")
    caplog.set_level("INFO")
    try:
        with django_capture_on_commit_callbacks(execute=True):
            process()
    finally:
        signals.notification_delivered.disconnect(receivers["count_delivery"])
        signals.notification_failed.disconnect(receivers["tell_support"])
    said = [record.getMessage() for record in caplog.records]
    assert sum(message.startswith("Gave up on notification") for message in said) == 1
    assert sum(message.endswith("to Email") for message in said) == 1


def test_queries_example(due: None, capsys: pytest.CaptureFixture[str]) -> None:
    process("--target", "Email")
    found = run_example("queries.py")
    assert found["waiting"] == 2
    assert "Email DELIVERED Email Successfully Sent\n" in capsys.readouterr().out


def test_breakfast_example_notifies_in_every_target(records: Records) -> None:
    run_example("breakfast.py")
    titles = list(Notification.objects.values_list("title", flat=True))
    assert titles == ["Breakfast is ready"] * len(records)


def test_reminder_examples_schedule_move_and_cancel_it(
    records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    run_example("schedule_reminder.py")
    assert_documented(capsys.readouterr().out, "schedule_reminder")
    reminder = Notification.objects.get()
    run_example("move_reminder.py")
    assert_documented(capsys.readouterr().out, "move_reminder")
    moved = Notification.objects.get()
    assert moved.scheduled_delivery - reminder.scheduled_delivery == timedelta(hours=1)
    assert moved.expires_at is not None
    assert moved.expires_at - moved.scheduled_delivery == timedelta(hours=1)
    run_example("cancel_reminder.py")
    assert_documented(capsys.readouterr().out, "cancel_reminder")
    assert Notification.objects.get().status == Notification.CANCELLED


def test_cancel_example_leaves_what_a_run_holds(
    records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    run_example("schedule_reminder.py")
    in_five_minutes = timezone.now() + timedelta(minutes=5)
    Notification.objects.update(claim_token=uuid.uuid4(), claimed_until=in_five_minutes)
    run_example("cancel_reminder.py")
    assert capsys.readouterr().out.endswith("0 cancelled, 1 on their way already\n")
    assert Notification.objects.get().status == Notification.SCHEDULED


def test_cancel_by_query_example_cancels_what_waits(
    records: Records, make_due: MakeDue, capsys: pytest.CaptureFixture[str]
) -> None:
    sale = make_due(records["Email"], title="Sale", idempotency_key="spring-sale")
    make_due(records["Email"], title="Your trial ends tomorrow")
    make_due(records["Email"], title="Your trial begins", status="DELIVERED")
    run_example("cancel_by_query.py")
    assert_documented(capsys.readouterr().out, "cancel_by_query")
    sale.refresh_from_db()
    assert sale.status == Notification.CANCELLED


def test_address_examples_write_once_to_each_and_forget_an_address(
    db: None, capsys: pytest.CaptureFixture[str], mail_server: SmtpStandIn
) -> None:
    run_example("notify_addresses.py")
    assert_documented(capsys.readouterr().out, "notify_addresses")
    printed = process()
    assert [mail["To"] for mail in mail_server.received].count("ann@example.com") == 2
    assert "ann@example.com - " in printed
    run_example("delete_address.py")
    [left] = TargetUserRecord.objects.all()
    assert left.target_user_id == "bea@example.com"
    assert Notification.objects.count() == 1


@pytest.mark.parametrize("has_account", [True, False])
def test_account_example_prefers_the_user(has_account: bool, records: Records) -> None:
    if has_account:
        TargetUserRecord.objects.filter(pk=records["Email"].pk).update(
            target_user_id="ann@example.com"
        )
    run_example("address_with_account.py")
    record = Notification.objects.get().target_user_record
    assert (record.user == records["Email"].user) is has_account


def test_export_example_exports(
    records: Records, make_due: MakeDue, capsys: pytest.CaptureFixture[str]
) -> None:
    make_due(records["Email"], title="Hello")
    run_example("export_person.py")
    kinds, titles = capsys.readouterr().out.splitlines()
    assert "notifications" in kinds
    assert titles == "['Hello']"


def test_deleting_examples_delete_messages_and_then_the_person(
    records: Records, make_due: MakeDue, capsys: pytest.CaptureFixture[str]
) -> None:
    make_due(records["Email"])
    run_example("delete_messages.py")
    assert not Notification.objects.exists()
    assert TargetUserRecord.objects.count() == len(records)
    make_due(records["Email"])
    run_example("delete_person.py")
    assert_documented(capsys.readouterr().out, "delete_person")
    assert not TargetUserRecord.objects.exists()


def test_erasing_example_erases(
    records: Records, make_due: MakeDue, capsys: pytest.CaptureFixture[str]
) -> None:
    make_due(records["Email"])
    run_example("erase_person.py")
    assert capsys.readouterr().out == "Deleted notifications: 1\n"
    assert not TargetUserRecord.objects.exists()


def test_look_up_example_shows_status_and_response(
    due: None, capsys: pytest.CaptureFixture[str]
) -> None:
    process("--target", "Email")
    capsys.readouterr()
    run_example("look_up.py")
    shown = capsys.readouterr().out
    assert shown.count("\n") == 3
    assert "Email | DELIVERED | " in shown
    assert shown.count(" | SCHEDULED | ") == 2


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("from_send_mail/after.py", lambda module, user: module["order_shipped"](user, 17)),
        ("from_celery_tasks/after.py", lambda module, user: module["sign_up"](user)),
    ],
)
def test_examples_for_those_who_come_from_elsewhere_create_one(
    records: Records, name: str, call: Any
) -> None:
    for _ in range(2):  # the second call has nothing to create
        with contextlib.suppress(NotificationsNotCreated):
            call(run_example(name), records["Email"].user)
    assert Notification.objects.get().target_user_record == records["Email"]


@pytest.mark.parametrize("name", ["from_send_mail/before.py", "from_celery_tasks/before.py"])
def test_examples_of_elsewhere_can_be_read_by_python(name: str) -> None:
    assert run_example(name)


def test_channel_examples_make_a_record_and_send(
    user: Any, providers: ProviderStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_example("send_text_message.py")
    run_example("send_push.py")
    process()
    assert {message.provider for message in providers.received} == {"twilio", "expo"}
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC0")
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "secret")
    targets = run_example("twilio_sender_settings.py")["NOTIFICATION_SYSTEM_TARGETS"]
    with override_settings(NOTIFICATION_SYSTEM_TARGETS=targets):
        assert checks.check_settings() == []


def test_whatsapp_example_sends_the_template(records: Records, providers: ProviderStandIn) -> None:
    records["Twilio"].delete()
    run_example("send_whatsapp.py")
    process()
    [message] = providers.received
    assert message.fields["ContentVariables"] == '{"1": "Eggs", "2": "8:45"}'
    assert message.to == "whatsapp:+15005550010"


def test_troubleshooting_quotes_what_the_app_says() -> None:
    page = (DOCS / "howto" / "troubleshooting.rst").read_text()
    table = page[page.index("* - The response") : page.index("Still stuck?")]
    quoted = re.findall(r"^   \* - (.*``.*)$", table, re.MULTILINE)
    said = [words for row in quoted for words in re.findall(r"``([^`]+)``", row)]
    assert len(said) >= 10
    package = ROOT / "django_notification_system"
    sources = "".join(path.read_text() for path in package.rglob("*.py"))
    source = re.sub(r'"\n +f?"', "", sources)  # a text that goes on in the next line
    source = source.replace("%(target)r ", "").replace("%(until)s", "")
    assert [words for words in said if words not in source] == []


# --- The tutorial, typed as it stands -------------------------------------------------------


@pytest.mark.skipif(TEST_DATABASE != "sqlite", reason="The tutorial has a database of its own.")
def test_tutorial_works_as_it_is_written(tmp_path: Path) -> None:
    steps = re.findall(
        r"^\s*(?:\$ (?P<command>.+)|\.\. literalinclude:: (?P<file>\S+))$",
        (DOCS / "tutorial.rst").read_text(),
        re.MULTILINE,
    )
    output = ""
    shell: list[str] | None = None
    with SmtpStandIn() as mail_server, ProviderStandIn() as providers:
        for command, file in steps:
            if command:
                if shell:
                    paste(tmp_path, *PASTED_INTO_SHELL)
                    assert shell == [f"examples/{name}" for name, _said in PASTED_INTO_SHELL[1:]]
                shell = [] if command == "python manage.py shell" else None
                if shell is None and not command.startswith(DONE_OTHERWISE):
                    output = type_command(command, tmp_path)
                continue
            text = (DOCS / file).read_text()
            if shell is not None:
                shell.append(file)
            elif "settings" in file:
                text = text.replace("1025", str(mail_server.port))
                text = text.replace("8025", str(providers.port))
                with (tmp_path / "mysite" / "settings.py").open("a") as settings_file:
                    settings_file.write(text)
            elif "process_notifications" in file:
                assert sorted_blocks(steady(output)) == sorted_blocks(text)
        paste(
            tmp_path,
            ("first_notifications.py", "Notifications: 6"),
            ("first_notifications.py", "Notifications: 9"),
        )
    assert [email["Subject"] for email in mail_server.received] == [
        "Test notification for Eggs Benedict"
    ]
    assert {message.provider for message in providers.received} == {"twilio", "expo"}


#: What is pasted in the tutorial's shell, and what is said then; the first of it twice.
PASTED_INTO_SHELL = (
    ("add_person.py", "Addresses: 3"),
    ("add_person.py", "Addresses: 3"),
    ("first_notifications.py", "Notifications: 3"),
)
#: The tests have an environment and a folder, and start the stand-ins themselves.
DONE_OTHERWISE = (
    "mkdir",
    "cd ",
    "python -m venv",
    "source ",
    "pip ",
    "python -m django_notification_system.testing",
)


def paste(folder: Path, *files: tuple[str, str]) -> None:
    """Paste examples into Django's shell, as a person does who sits before a terminal."""
    command = ["manage.py", "shell"]
    with on_terminal(command, folder=folder, environment=own_environment()) as terminal:
        for name, said in files:
            terminal.wait_for(">>> ")
            terminal.paste((EXAMPLES / name).read_text())
            terminal.wait_for(said)
        terminal.wait_for(">>> ")
        terminal.paste("exit()")
        terminal.wait_for_end()
    assert "Error" not in terminal.shown, terminal.shown


def type_command(command: str, folder: Path) -> str:
    program, *arguments = shlex.split(command)
    if program == "django-admin":
        arguments = ["-m", "django", *arguments]
    else:
        assert program == "python", command
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=own_environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert "Error" not in done.stderr, done.stderr
    return done.stdout + done.stderr


def sorted_blocks(output: str) -> str:
    """Return output whose blocks are in one order: targets are delivered to side by side."""
    *blocks, rest = re.split(r"(?<=\*{33}\n)", output)
    return "".join(sorted(blocks)) + rest


# --- The way back to 1.5.3 ------------------------------------------------------------------


@pytest.mark.skipif(TEST_DATABASE == "mariadb", reason="MariaDB cannot have the tables of 1.5.3.")
def test_old_tables_come_back_as_the_upgrade_page_says(tmp_path: Path) -> None:
    page = (DOCS / "howto" / "upgrade.rst").read_text()
    [arguments] = re.findall(r"manage\.py (migrate \w+ \d+)", page)
    with scratch_database(TEST_DATABASE, tmp_path) as database:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "upgrade_settings",
            "UPGRADE_DATABASE": json.dumps(database),
        }

        def manage(*arguments: str) -> str:
            done = forked.run(
                ["-m", "django", *arguments],
                folder=TESTS / "upgrade" / "project",
                environment=environment,
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        for _ in range(2):
            manage("migrate")
            manage(*shlex.split(arguments))
            applied = re.findall(r"\[X\] (\w+)", manage("showmigrations", APP))
            assert applied == ["0001_initial", "0002_auto_20201201_1720"]
