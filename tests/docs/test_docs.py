"""The documentation: its lists are whole, and the output it shows is the real one."""

import inspect
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import (
    BaseCommand,
    get_commands,
    load_command_class,
)

from django_notification_system import (
    checks,
    checks_of_types,
    conf,
    exceptions,
    notification_handlers,
    setting_names,
    signals,
)
from django_notification_system.conf import EngineSettings
from django_notification_system.models import (
    Notification,
    NotificationAttempt,
    NotificationOptOut,
    TargetUserRecord,
)
from django_notification_system.targets import built_in_keys
from django_notification_system.testing.providers import ProviderStandIn
from django_notification_system.testing.smtp import SmtpStandIn
from tests.support.documentation import (
    APP,
    DOCS,
    EXAMPLES,
    OUTPUT,
    Records,
    assert_documented,
    pages,
    process,
    reference,
    run_command,
    run_example,
)
from tests.support.mail_backends import HAS_MAILERS
from tests.support.places import ROOT

# --- The pages ------------------------------------------------------------------------------


def test_settings_on_the_pages_add_to_the_settings_that_a_reader_has() -> None:
    begin = {"project_settings.py", "tutorial_settings.py"}
    for path in EXAMPLES.rglob("*settings.py"):
        assigned = re.findall(
            r"^(?:NOTIFICATION_SYSTEM(?:_TARGETS|_HANDLERS)?) = ", path.read_text(), re.M
        )
        assert bool(assigned) == (path.name in begin), path


def test_pages_take_code_and_output_from_files_that_are_tested() -> None:
    included: set[Path] = set()
    for page in pages():
        text = page.read_text()
        assert not re.findall(r"code-block:: (?!console|ini|text)", text), page
        assert not re.findall(r"::\n\n(?=    )", re.sub(r"\.\. [\w:-]+::.*", "", text)), page
        for path in re.findall(r"literalinclude:: (\S+)", text):
            included.add((page.parent / path).resolve())
    files = {path for path in EXAMPLES.rglob("*.*") if "__pycache__" not in path.parts}
    files |= {*OUTPUT.glob("*.txt"), *(DOCS / "schemas").glob("*.json")}
    assert {path for path in included if not path.exists()} == set()
    assert {path.relative_to(DOCS) for path in files - included} == set()
    assert {path.relative_to(ROOT) for path in included - files} <= {
        Path("example/project/notifications.py")
    }


def test_every_file_that_the_pages_include_is_used_in_a_test() -> None:
    used = (DOCS / "tutorial.rst").read_text()
    used += "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    examples = {path for path in EXAMPLES.rglob("*.py") if "__pycache__" not in path.parts}
    handlers = {path for path in examples if path.name == "carrier_pigeon.py"}
    outputs = {path.stem for path in OUTPUT.glob("*.txt")}
    assert {path.name for path in examples - handlers if path.name not in used} == set()
    assert {path.parent.name for path in handlers if path.parent.name not in used} == set()
    assert {name for name in outputs if f'"{name}"' not in used} == set()


def test_every_page_that_installs_says_how_from_a_checkout() -> None:
    texts = {page: page.read_text() for page in [*pages(), ROOT / "README.md"]}
    installed = {
        (page, extra)
        for page, text in texts.items()
        for extra in re.findall(r"pip install 'django-notification-system\[(\w+)\]", text)
    }
    assert len(installed) > 8
    for page, extra in installed:
        assert f"'/path/to/checkout[{extra}]'" in texts[page], page


COMMANDS = sorted(name for name, app in get_commands().items() if app == APP)


def shown_commands() -> Iterator[tuple[str, str]]:
    for page in [*pages(), ROOT / "README.md", ROOT / "CHANGELOG.md"]:
        names = "|".join(COMMANDS)
        for name, rest in re.findall(rf"manage\.py ({names})([^\n`]*)", page.read_text()):
            yield name, re.split(r"\s(?:>|2>|\||#)", rest)[0]


def test_every_command_that_is_shown_can_be_typed() -> None:
    commands = set(shown_commands())
    assert len(commands) > 5
    for name, arguments in commands:
        parser = load_command_class(APP, name).create_parser("manage.py", name)
        parser.parse_args(shlex.split(arguments))


@pytest.fixture
def due(records: Records, providers: ProviderStandIn, mail_server: SmtpStandIn) -> None:
    """The tutorial's three notifications, and where they go."""
    run_example("first_notifications.py")


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


def test_output_for_a_message_that_is_refused(due: None, mail_server: SmtpStandIn) -> None:
    mail_server.answer("RCPT", "550 5.7.1 Refused by policy")
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


def test_output_of_the_stand_ins(records: Records, settings: Any) -> None:
    command = [sys.executable, "-m", f"{APP}.testing", "--smtp-port", "0", "--http-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as stand_ins:
        assert stand_ins.stdout is not None
        output = ""
        try:
            while '"expo"' not in output or not output.endswith("\n}\n"):
                line = stand_ins.stdout.readline()
                assert line
                output += line
            use_printed_settings(output, settings)
            run_example("first_notifications.py")
            assert "3 Delivered" in process()
            assert stand_ins.stdout.readline() == "\n"  # after the settings
            received = sorted(stand_ins.stdout.readline() for _ in records)
        finally:
            stand_ins.terminate()
    assert_documented("".join(received), "stand_ins_received")
    output = re.sub(r'(EMAIL_PORT = |"port": )\d+', r"\g<1>1025", output)
    output = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8025", output)
    output = re.sub(r'("vapid_private_key": )"[^"]+"', r'\1"ATGsSZ…"', output)
    output = re.sub(r'("credentials": )\{.*\}\},\n', r"\1{…}},\n", output)
    assert_documented(output, "stand_ins_django_6_1" if HAS_MAILERS else "stand_ins")


def use_printed_settings(output: str, settings: Any) -> None:
    """Do as a person who adds what the stand-ins print to the settings."""
    printed: dict[str, Any] = {}
    exec(output[output.index(":\n\n") + 1 :], printed)
    for name in printed:
        if name.isupper():
            setattr(settings, name, printed[name])
    if not HAS_MAILERS:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # not the tests'


# --- The reference is whole -----------------------------------------------------------------


def test_reference_has_every_setting() -> None:
    for name in (conf.TARGETS, conf.HANDLERS, conf.CREATORS, conf.ENGINE):
        assert f"``{name}``" in reference()
    tables = re.findall(r"^\.\. settings-table:: (\w+)$", reference() + channels(), re.MULTILINE)
    assert sorted(tables) == sorted(["engine", "retry", *built_in_keys()])


def test_the_tables_of_settings_are_the_code() -> None:
    rows_of = runpy.run_path(str(DOCS / "settings_table.py"))["rows"]
    for name in ("engine", "retry", *built_in_keys()):
        rows = list(rows_of(name))
        assert len(rows) > 3
        assert [row for row in rows if not row[2].endswith(".")] == []
    declared = {each.name.upper(): each for each in fields(EngineSettings)}
    written = {name.strip("`"): (default, says) for name, default, says in rows_of("engine")}
    assert written.keys() == declared.keys()
    assert written["BATCH_SIZE"][0] == f"``{declared['BATCH_SIZE'].default}``"
    expo = [name for name, _, _ in rows_of("expo")]
    assert expo[0] == "``access_token``"  # its own first
    assert "``receipts_after``" in expo
    assert "``receipts_after``" not in [name for name, _, _ in rows_of("twilio_sms")]


def channels() -> str:
    """Return the pages of the channels, where targets have their settings and ``extra``."""
    return "\n".join(page.read_text() for page in sorted((DOCS / "howto").glob("*.rst")))


def options_of(name: str) -> set[str]:
    parser = load_command_class(APP, name).create_parser("manage.py", name)
    django_own = {*BaseCommand().create_parser("", "")._option_string_actions, "--skip-checks"}
    return {option for option in parser._option_string_actions if option not in django_own}


WITHOUT_DATABASE = {"make_vapid_keys"}


@pytest.mark.parametrize("name", COMMANDS)
def test_reference_has_every_option(name: str) -> None:
    text = (DOCS / "reference" / "commands.rst").read_text()
    sections = re.split(r"^(?=``\w+``\n-+$)", text, flags=re.MULTILINE)
    [section] = [section for section in sections if section.startswith(f"``{name}``\n")]
    options = options_of(name)
    assert "--database" in options or name in WITHOUT_DATABASE
    assert {option for option in options if not re.search(rf"``{option}[` ]", section)} == set()


def test_reference_has_every_check_and_no_other() -> None:
    folders = Path(checks.__file__).parent, Path(notification_handlers.__file__).parent
    files = [
        *(Path(module.__file__) for module in (checks_of_types, setting_names)),
        *(file for folder in folders for file in folder.rglob("*.py")),
    ]
    source = "".join(file.read_text() for file in files)
    known = {
        f"{APP}.{kind[0].upper()}{int(number):03}"
        for kind, number in re.findall(r"\b_?(error|warning)\(\s*(\d+)", source)
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
    for model in apps.get_app_config(APP).get_models():
        if model._meta.proxy:
            continue
        assert f".. autoclass:: {model.__name__}\n" in text
        described = re.findall(r"^    (?:    )?(\w+): ", inspect.getdoc(model) or "", re.MULTILINE)
        assert {field.name for field in model._meta.concrete_fields} == set(described), model
    for holder in (Notification, NotificationAttempt.Result, TargetUserRecord.Origin):
        [listed] = re.findall(rf"\b{holder.__name__}\n   :members: (.+)", text)
        source = inspect.getsource(holder)
        value = r"(?:\"|statuses\.{}$)"
        named = {
            name
            for name in vars(holder)
            if re.search(rf"^ +{name} = {value.format(name)}", source, re.M)
        }
        assert named, holder
        assert named <= set(listed.split(", "))
        for name in named:
            assert_said(name, source)


def test_reference_says_what_each_signal_is() -> None:
    source = inspect.getsource(signals)
    for name in vars(signals):
        if name.startswith("notification_"):
            assert f".. autodata:: {name}\n" in (DOCS / "reference" / "signals.rst").read_text()
            assert_said(name, source)


def assert_said(name: str, source: str) -> None:
    """Assert that a comment says what a name is, without what Sphinx would take for a type."""
    comment = re.search(rf"((?:^ *#: .+\n)+) *{name} = ", source, re.MULTILINE)
    assert comment, name
    said = " ".join(line.strip().removeprefix("#: ") for line in comment[1].splitlines())
    assert ": " not in said, (name, said)


def test_reference_has_every_key_of_extra() -> None:
    from django_notification_system.notification_handlers import expo, twilio

    text = channels()
    keys: list[str] = [*expo.EXTRA_FIELDS, *twilio.EXTRA_PARAMETERS]
    assert {key for key in keys if f"``{key}``" not in text} == set()
