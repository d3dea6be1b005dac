"""The documentation: its examples run, the output it shows is the real one, its lists are whole."""

import importlib.util
import io
import json
import os
import re
import runpy
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import MISSING, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import (
    BaseCommand,
    CommandError,
    call_command,
    load_command_class,
)
from django.test import override_settings
from django.utils import timezone

from django_notification_system import checks, conf, exceptions, notify, signals
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.testing.providers import ProviderStandIn
from django_notification_system.testing.smtp import SmtpStandIn
from tests.conftest import MakeDue
from tests.mail_backends import HAS_MAILERS
from tests.scratch_databases import scratch_database
from tests.settings import TEST_DATABASE

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
EXAMPLES = DOCS / "examples"
PIGEON = EXAMPLES / "carrier_pigeon"
OUTPUT = DOCS / "output"
APP = "django_notification_system"

Records = dict[str, TargetUserRecord]


def pages() -> list[Path]:
    return sorted(path for path in DOCS.rglob("*.rst") if "_build" not in path.parts)


def reference() -> str:
    return "\n".join(path.read_text() for path in sorted((DOCS / "reference").glob("*.rst")))


def run_example(name: str) -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLES / name))


def run_command(name: str, *arguments: str, **options: Any) -> str:
    """Return what a terminal shows, the error that ends the command included."""
    terminal = io.StringIO()
    try:
        call_command(name, *arguments, stdout=terminal, stderr=terminal, **options)
    except CommandError as error:
        terminal.write(f"CommandError: {error}\n")
    return terminal.getvalue()


def process(*arguments: str) -> str:
    return run_command("process_notifications", *arguments)


def steady(text: str) -> str:
    """Return output without what differs from run to run: times, ports, where the project lies."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00", "2026-11-24 08:30:00+00:00", text)
    text = text.replace(str(EXAMPLES), "/srv/mysite")
    text = re.sub(r"user \d+ \(", "user 1 (", text)
    return re.sub(r"\(key \d+\)", "(key 7)", text)


def assert_documented(output: str, name: str) -> None:
    """Compare with what the pages show; UPDATE_DOCS_OUTPUT=1 writes it anew."""
    file = OUTPUT / f"{name}.txt"
    if os.environ.get("UPDATE_DOCS_OUTPUT"):
        file.write_text(steady(output))
    assert steady(output) == file.read_text()


@pytest.fixture
def due(records: Records, providers: ProviderStandIn, mail_server: SmtpStandIn) -> None:
    """The tutorial's three notifications, and where they go."""
    run_example("first_notifications.py")


# --- The pages ------------------------------------------------------------------------------


def test_pages_take_code_and_output_from_files_that_are_tested() -> None:
    included: set[Path] = set()
    for page in pages():
        text = page.read_text()
        assert not re.findall(r"code-block:: (?!console|ini|text)", text), page
        assert not re.findall(r"::\n\n(?=    )", re.sub(r"\.\. [\w:-]+::.*", "", text)), page
        for path in re.findall(r"literalinclude:: (\S+)", text):
            included.add((page.parent / path).resolve())
    files = {path for path in EXAMPLES.rglob("*.*") if "__pycache__" not in path.parts}
    files |= set(OUTPUT.glob("*.txt"))
    assert {path for path in included if not path.exists()} == set()
    assert {path.relative_to(DOCS) for path in files - included} == set()
    assert {path.relative_to(ROOT) for path in included - files} <= {
        Path("example/project/notifications.py")
    }


def test_every_file_that_the_pages_include_is_used_here() -> None:
    used = Path(__file__).read_text() + (DOCS / "tutorial.rst").read_text()
    examples = {path for path in EXAMPLES.rglob("*.py") if "__pycache__" not in path.parts}
    handlers = {path for path in examples if path.name == "carrier_pigeon.py"}
    outputs = {path.stem for path in OUTPUT.glob("*.txt")}
    assert {path.name for path in examples - handlers if path.name not in used} == set()
    assert {path.parent.name for path in handlers if path.parent.name not in used} == set()
    assert {name for name in outputs if f'"{name}"' not in used} == set()


def shown_commands() -> Iterator[tuple[str, str]]:
    for page in [*pages(), ROOT / "README.md", ROOT / "CHANGELOG.md"]:
        names = "process_notifications|create_email_target_user_records"
        for name, rest in re.findall(rf"manage\.py ({names})([^\n`]*)", page.read_text()):
            yield name, re.split(r"\s(?:>|2>|\||#)", rest)[0]


def test_every_command_that_is_shown_can_be_typed() -> None:
    commands = set(shown_commands())
    assert len(commands) > 5
    for name, arguments in commands:
        parser = load_command_class(APP, name).create_parser("manage.py", name)
        parser.parse_args(shlex.split(arguments))


# --- The output -----------------------------------------------------------------------------


def test_output_of_three_notifications(due: None) -> None:
    assert_documented(process(), "process_notifications")


def test_output_of_a_dry_run(due: None) -> None:
    assert_documented(process("--dry-run"), "dry_run")
    assert Notification.objects.due().count() == 3


def test_output_at_higher_verbosity(due: None) -> None:
    assert_documented(process("--target", "Email", "--verbosity", "2"), "verbosity_2")


def test_output_at_verbosity_0_is_none(due: None) -> None:
    assert process("--verbosity", "0") == ""
    assert not Notification.objects.due().exists()


def test_output_for_a_server_that_says_later(due: None, mail_server: SmtpStandIn) -> None:
    mail_server.answer("RCPT", "451 4.3.0 Try again later", times=1)
    assert_documented(process("--target", "Email"), "retry")


def test_output_for_an_address_that_does_not_exist(due: None, mail_server: SmtpStandIn) -> None:
    mail_server.answer("RCPT", "550 5.1.1 No such user")
    assert_documented(process("--target", "Email", "--fail-on-error"), "fail_on_error")


def test_output_for_a_target_that_does_not_exist(due: None) -> None:
    assert_documented(process("--target", "Fax"), "unknown_target")


def test_output_for_an_opted_out_user(due: None, user: Any) -> None:
    NotificationOptOut.objects.bulk_create([NotificationOptOut(user=user, active=True)])
    assert_documented(process("--target", "Email"), "opted_out")


def email_records(*arguments: str) -> str:
    return run_command("create_email_target_user_records", *arguments)


def test_output_of_the_email_records(user: Any, django_user_model: Any) -> None:
    make = django_user_model.objects.create_user
    make("ham", "ham@example.com")
    make("toast")
    make("jam", "jam at example.com")
    make("tea", "tea@example.com", is_active=False)
    assert_documented(email_records("--dry-run"), "email_records_dry_run")
    assert not TargetUserRecord.objects.exists()
    assert_documented(email_records(), "email_records")
    user.email = "benedict@example.com"
    user.save()
    assert_documented(email_records("--verbosity", "2"), "email_records_verbosity_2")
    assert user.notification_target_user_records.get().target_user_id == "benedict@example.com"


def test_output_of_the_stand_ins() -> None:
    command = [sys.executable, "-m", f"{APP}.testing", "--smtp-port", "0", "--http-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as stand_ins:
        assert stand_ins.stdout is not None
        output = ""
        try:
            while '"expo"' not in output or not output.endswith("\n}\n"):
                line = stand_ins.stdout.readline()
                assert line
                output += line
        finally:
            stand_ins.terminate()
    output = re.sub(r'(EMAIL_PORT = |"port": )\d+', r"\g<1>1025", output)
    output = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8025", output)
    assert_documented(output, "stand_ins_django_6_1" if HAS_MAILERS else "stand_ins")


# --- The examples ---------------------------------------------------------------------------


def test_settings_of_the_installation_page_pass_the_checks(monkeypatch: Any) -> None:
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC0")
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "secret")
    settings = run_example("project_settings.py")
    assert APP in settings["INSTALLED_APPS"]
    with override_settings(**{name: settings[name] for name in settings if name.isupper()}):
        assert checks.check_settings() == []
        assert conf.twilio_settings().account_sid == "AC0"


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
    settings.MEDIA_ROOT = tmp_path
    (tmp_path / "invoices").mkdir()
    (tmp_path / "invoices" / "1021.pdf").write_bytes(b"%PDF-1.7 the invoice")
    [engine] = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "DIRS": [EXAMPLES / "templates"]}]
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


def test_receivers_example_hears_of_both_ends(
    records: Records,
    mail_server: SmtpStandIn,
    make_due: MakeDue,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Any,
) -> None:
    receivers = run_example("receivers.py")
    mail_server.answer("RCPT", "550 5.1.1 No such user", times=1)
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


def test_tests_example_passes(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", EXAMPLES],
        cwd=ROOT,
        env={**os.environ, "TEST_DATABASE_SUFFIX": suffix() + "_examples"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout  # test_breakfast.py


def suffix() -> str:
    return os.environ.get("TEST_DATABASE_SUFFIX", "")


# --- The tutorial, typed as it stands -------------------------------------------------------


@pytest.mark.skipif(TEST_DATABASE != "sqlite", reason="The tutorial has a database of its own.")
def test_tutorial_works_as_it_is_written(tmp_path: Path) -> None:
    steps = re.findall(
        r"^\s*(?:\$ (?P<command>.+)|\.\. literalinclude:: (?P<file>\S+))$",
        (DOCS / "tutorial.rst").read_text(),
        re.MULTILINE,
    )
    output = ""
    shell = False
    with SmtpStandIn() as mail_server, ProviderStandIn() as providers:
        for command, file in steps:
            if command:
                shell = command == "python manage.py shell"
                if not shell and not command.startswith(DONE_OTHERWISE):
                    output = type_command(command, tmp_path)
                continue
            text = (DOCS / file).read_text()
            if shell:
                type_command("python manage.py shell", tmp_path, text)
            elif "settings" in file:
                text = text.replace("1025", str(mail_server.port))
                text = text.replace("8025", str(providers.port))
                with (tmp_path / "mysite" / "settings.py").open("a") as settings_file:
                    settings_file.write(text)
            elif "process_notifications" in file:
                assert sorted_blocks(steady(output)) == sorted_blocks(text)
    assert [email["Subject"] for email in mail_server.received] == [
        "Test notification for Eggs Benedict"
    ]
    assert {message.provider for message in providers.received} == {"twilio", "expo"}


#: The tests have an environment and a folder, and start the stand-ins themselves.
DONE_OTHERWISE = (
    "mkdir",
    "cd ",
    "python -m venv",
    "source ",
    "pip ",
    "python -m django_notification_system.testing",
)


def type_command(command: str, folder: Path, typed: str = "") -> str:
    program, *arguments = shlex.split(command)
    if program == "django-admin":
        arguments = ["-m", "django", *arguments]
    else:
        assert program == "python", command
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DJANGO", "TEST_"))
    }
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT)},
        input=typed,
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
            return subprocess.run(
                [sys.executable, "-m", "django", *arguments],
                cwd=ROOT / "tests" / "upgrade" / "project",
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            ).stdout

        for _ in range(2):
            manage("migrate")
            manage(*shlex.split(arguments))
            applied = re.findall(r"\[X\] (\w+)", manage("showmigrations", APP))
            assert applied == ["0001_initial", "0002_auto_20201201_1720"]


# --- Carrier Pigeon -------------------------------------------------------------------------


@pytest.fixture
def loft(user: Any, settings: Any) -> Iterator[Any]:
    """The example's loft on a real socket, and the project's settings for it."""
    spec = importlib.util.spec_from_file_location("loft_server", PIGEON / "loft_server.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    example = run_example("carrier_pigeon/settings.py")
    [target_settings] = example["NOTIFICATION_SYSTEM_TARGETS"].values()
    with module.make_server(0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.NOTIFICATION_SYSTEM_HANDLERS = example["NOTIFICATION_SYSTEM_HANDLERS"]
        settings.NOTIFICATION_SYSTEM_TARGETS = {
            "carrier_pigeon": {
                **target_settings,
                "base_url": f"http://127.0.0.1:{server.server_address[1]}",
            }
        }
        assert checks.check_settings() == []
        run_example("carrier_pigeon/add_target.py")
        yield module
        server.shutdown()


def test_carrier_pigeon_flies_over_http(loft: Any) -> None:
    run_example("carrier_pigeon/send.py")
    assert_documented(process(), "carrier_pigeon")
    assert loft.flown == [{"loft": "north tower", "message": "Harvest: The wheat is in."}]
    notification = Notification.objects.get()
    assert (notification.status, notification.provider_message_id) == ("DELIVERED", "ring-1")


@pytest.mark.parametrize("folder", ["handlers_with_one_function", "handlers_as_in_1_5_3"])
def test_carrier_pigeon_of_one_function_says_the_same(
    loft: Any, settings: Any, folder: str
) -> None:
    settings.NOTIFICATION_SYSTEM_HANDLERS = [PIGEON / folder]
    run_example("carrier_pigeon/send.py")
    assert_documented(process(), "carrier_pigeon")
    assert len(loft.flown) == 1
    assert Notification.objects.get().status == Notification.DELIVERED


def test_carrier_pigeon_handler_tells_errors_apart(
    loft: Any, settings: Any, make_due: MakeDue
) -> None:
    record = TargetUserRecord.objects.get()
    TargetUserRecord.objects.update(target_user_id="no tower")
    notification = make_due(record)
    assert "There is no such loft.\n" in process()
    notification.refresh_from_db()
    record.refresh_from_db()
    assert (notification.status, record.active) == ("INACTIVE DEVICE", False)

    TargetUserRecord.objects.update(target_user_id="north tower", active=True)
    settings.NOTIFICATION_SYSTEM_TARGETS["carrier_pigeon"]["api_key"] = "stale"
    notification = make_due(record, title="second")
    assert_documented(process(), "carrier_pigeon_refused")
    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == ("SCHEDULED", 0)


def test_carrier_pigeon_without_a_handler(loft: Any, settings: Any) -> None:
    run_example("carrier_pigeon/send.py")
    settings.NOTIFICATION_SYSTEM_HANDLERS = [EXAMPLES / "templates"]
    output = process().replace(str(EXAMPLES / "templates"), str(EXAMPLES / "handlers"))
    assert_documented(output, "no_handler")
    assert Notification.objects.get().status == Notification.SCHEDULED


def test_carrier_pigeon_creator_cuts_what_is_too_long(loft: Any, settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM_CREATORS = [PIGEON / "creators"]
    user = TargetUserRecord.objects.get().user
    created = notify(
        user, "Harvest", "The wheat is in, and so is the rye.", target="Carrier Pigeon"
    )
    assert created == 1
    assert Notification.objects.get().body == "The wheat is in, and"


# --- The reference is whole -----------------------------------------------------------------


def assert_row(name: str, default: Any) -> None:
    shown = re.escape(repr(default).replace("'", '"'))
    row = rf"\* - ``{name}``\n\s+- ``{shown}``\n"
    assert re.search(row, (DOCS / "reference" / "settings.rst").read_text()), (name, default)


def test_reference_has_every_setting_with_its_default() -> None:
    for name in (conf.TARGETS, conf.HANDLERS, conf.CREATORS, conf.ENGINE):
        assert f"``{name}``" in reference()
    settings_classes = [settings_class for _, settings_class in conf.BUILT_IN_TARGETS.values()]
    for settings_class in settings_classes:
        for field in fields(settings_class):
            assert field.default is not MISSING
            assert_row(field.name, field.default)
    for field in fields(conf.EngineSettings):
        assert_row(field.name.upper(), field.default)


def options_of(name: str) -> set[str]:
    parser = load_command_class(APP, name).create_parser("manage.py", name)
    django_own = {*BaseCommand().create_parser("", "")._option_string_actions, "--skip-checks"}
    return {option for option in parser._option_string_actions if option not in django_own}


@pytest.mark.parametrize("name", ["process_notifications", "create_email_target_user_records"])
def test_reference_has_every_option(name: str) -> None:
    text = (DOCS / "reference" / "commands.rst").read_text()
    sections = re.split(r"^(?=``\w+``\n-+$)", text, flags=re.MULTILINE)
    [section] = [section for section in sections if section.startswith(f"``{name}``\n")]
    options = options_of(name)
    assert "--dry-run" in options
    assert {option for option in options if not re.search(rf"``{option}[` ]", section)} == set()


def test_reference_has_every_check_and_no_other() -> None:
    source = Path(checks.__file__).read_text()
    known = {
        f"{APP}.{kind[0].upper()}{int(number):03}"
        for kind, number in re.findall(r"_(error|warning)\(\s*(\d+)", source)
    }
    assert len(known) > 8
    assert set(re.findall(rf"{APP}\.[EW]\d+", reference())) == known


def test_reference_has_every_exception_and_signal() -> None:
    names = [
        name
        for name, value in vars(exceptions).items()
        if isinstance(value, type) and issubclass(value, exceptions.NotificationSystemError)
    ]
    names += [name for name in vars(signals) if name.startswith("notification_")]
    assert len(names) > 9
    text = reference()
    assert {name for name in names if not re.search(rf"\b{name}\b", text)} == set()


def test_reference_has_every_field_and_status() -> None:
    text = (DOCS / "reference" / "models.rst").read_text()
    for model in (Notification, TargetUserRecord, NotificationTarget, NotificationOptOut):
        for field in model._meta.concrete_fields:
            assert f"``{field.name}``" in text, (model, field)
    for status, _ in Notification.STATUS_CHOICES:
        assert f"``{status}``" in text


def test_reference_has_every_key_of_extra() -> None:
    from django_notification_system.notification_handlers import expo, twilio

    text = (DOCS / "reference" / "extra.rst").read_text()
    keys: list[str] = [*expo.EXTRA_FIELDS, *twilio.EXTRA_PARAMETERS]
    assert {key for key in keys if f"``{key}``" not in text} == set()
