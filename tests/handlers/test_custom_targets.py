"""Targets of the project's own: how their handlers are found, and what is said of bad ones."""

import io
import sys
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.utils import timezone, translation

from django_notification_system import conf
from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.modules import find_module
from tests.conftest import MakeDue
from tests.support.handlers import loft as loft_handler

WriteHandler = Callable[[str], Path]


@pytest.fixture
def pigeon(user: Any, settings: Any) -> TargetUserRecord:
    """Eggs Benedict's record in a target whose handler no one has written."""
    settings.NOTIFICATION_SYSTEM_HANDLERS = []
    target = NotificationTarget.objects.create(
        name="Carrier Pigeon", notification_module_name="carrier_pigeon"
    )
    return TargetUserRecord.objects.create(
        user=user, target=target, target_user_id="north tower", description="Eggs's loft"
    )


@pytest.fixture
def write_handler(tmp_path: Path, settings: Any) -> WriteHandler:
    """A function that writes a handler's source into a folder that the settings name."""

    def write(source: str, name: str = "carrier_pigeon.py") -> Path:
        file = tmp_path / name
        file.write_text(textwrap.dedent(source))
        settings.NOTIFICATION_SYSTEM_HANDLERS = [tmp_path]
        return file

    return write


def process(*arguments: str, **options: Any) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("process_notifications", *arguments, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def find_handler_module(name: str) -> ModuleType:
    found = find_module(name, conf.HANDLERS, "django_notification_system.notification_handlers")
    assert found is not None
    return found.module


def response(notification: Notification) -> str:
    notification.refresh_from_db()
    return notification.response


SENDS = """
from django.utils import timezone

def send_notification(notification):
    notification.status = notification.DELIVERED
    notification.attempted_delivery = timezone.now()
    notification.save()
    return "Your pigeon is home."
"""


def test_a_handler_in_a_folder_is_found_by_its_file_name(
    pigeon: TargetUserRecord, make_due: MakeDue, write_handler: WriteHandler
) -> None:
    notification = make_due(pigeon)
    write_handler(SENDS)
    output, _ = process()
    assert "Your pigeon is home.\n" in output
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED
    assert notification.response == "Your pigeon is home."
    assert notification.attempted_delivery is not None
    assert notification.claim_token is None


def test_a_folder_may_be_a_string_and_relative(
    pigeon: TargetUserRecord,
    make_due: MakeDue,
    write_handler: WriteHandler,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = write_handler(SENDS).parent
    monkeypatch.chdir(folder.parent)
    for location in (str(folder), folder.name, f"./{folder.name}"):
        settings.NOTIFICATION_SYSTEM_HANDLERS = [location]
        make_due(pigeon, title=location[:90])
        assert "Your pigeon is home.\n" in process()[0]


def test_a_handler_in_a_package_is_found_by_its_dotted_name(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft)
    assert "Cooed." in process()[0]


def test_a_later_location_overrides_an_earlier_one(
    loft: TargetUserRecord, make_due: MakeDue, tmp_path: Path, settings: Any
) -> None:
    (tmp_path / "loft.py").write_text(SENDS)
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers", tmp_path]
    make_due(loft)
    assert "Your pigeon is home." in process()[0]


def test_without_a_handler_it_waits_and_the_rest_goes_out(
    loft: TargetUserRecord, make_due: MakeDue, tmp_path: Path, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers", tmp_path]
    fax = NotificationTarget.objects.create(name="Fax", notification_module_name="fax")
    record = TargetUserRecord.objects.create(user=loft.user, target=fax, target_user_id="1")
    waiting, sent = make_due(record), make_due(loft)
    output, errors = process()
    problem = (
        "No handler for target 'Fax': there is no module 'fax' in tests.support.handlers,"
        f" {tmp_path}, django_notification_system.notification_handlers."
    )
    assert problem in output
    assert problem in errors
    waiting.refresh_from_db()
    sent.refresh_from_db()
    assert (waiting.status, waiting.retry_attempts) == (Notification.SCHEDULED, 0)
    assert waiting.claim_token is None
    assert sent.status == Notification.DELIVERED


def test_once_the_handler_is_there_what_waited_goes_out(
    pigeon: TargetUserRecord, make_due: MakeDue, write_handler: WriteHandler
) -> None:
    make_due(pigeon)
    process()
    write_handler(SENDS)
    assert "Your pigeon is home." in process()[0]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import no_such_sdk", "ModuleNotFoundError: No module named 'no_such_sdk'"),
        ("def send_notification(:", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit('no licence')", "SystemExit: no licence"),
        ("SEND = 1", "defines no deliver() or send_notification(). Add it."),
    ],
)
def test_a_handler_that_does_not_load_is_reported_with_its_file(
    pigeon: TargetUserRecord,
    make_due: MakeDue,
    write_handler: WriteHandler,
    source: str,
    words: str,
) -> None:
    notification = make_due(pigeon)
    file = write_handler(source)
    output, _ = process()
    [problem] = [line for line in output.splitlines() if str(file) in line]
    assert words in problem
    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == (Notification.SCHEDULED, 0)


@pytest.mark.parametrize("source", ["import no_such_sdk", "raise SystemExit"])
@pytest.mark.parametrize("broken", ["__init__.py", "carrier_pigeon.py"])
def test_a_handler_in_a_package_that_does_not_load_is_reported_with_its_file(
    pigeon: TargetUserRecord,
    loft: TargetUserRecord,
    make_due: MakeDue,
    tmp_path: Path,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    broken: str,
) -> None:
    """A package that is broken was taken for one without the module."""
    package = tmp_path / "aviary"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / broken).write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers", "aviary"]
    notification = make_due(pigeon)
    output, _ = process()
    sys.modules.pop("aviary", None)
    [problem] = [line for line in output.splitlines() if str(package / broken) in line]
    assert "aviary.carrier_pigeon does not import: " in problem
    assert "there is no module" not in output
    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == (Notification.SCHEDULED, 0)


def test_a_module_that_is_interrupted_is_not_half_made(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C is for the run, and a run that goes on all the same imports the module anew."""
    settings.NOTIFICATION_SYSTEM_HANDLERS = [tmp_path]
    (tmp_path / "parrot.py").write_text(
        "import os\nif 'CTRL_C' in os.environ:\n    raise KeyboardInterrupt\nsound = 'squawk'"
    )
    monkeypatch.setenv("CTRL_C", "1")
    with pytest.raises(KeyboardInterrupt):
        find_handler_module("parrot")
    monkeypatch.delenv("CTRL_C")
    assert find_handler_module("parrot").sound == "squawk"


def test_two_lanes_that_import_one_module_both_see_all_of_it(tmp_path: Path, settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM_HANDLERS = [tmp_path]
    (tmp_path / "sloth.py").write_text("import time\ntime.sleep(0.3)\nspeed = [0.24]")
    with ThreadPoolExecutor(2) as lanes:
        first, second = lanes.map(lambda name: find_handler_module(name).speed, ["sloth", "sloth"])
    assert first is second


def test_a_handler_that_raises_is_reported_and_tried_again(
    pigeon: TargetUserRecord,
    make_due: MakeDue,
    write_handler: WriteHandler,
    caplog: pytest.LogCaptureFixture,
) -> None:
    notification = make_due(pigeon, body="the secret body")
    write_handler("def send_notification(notification):\n    raise KeyError('wing')")
    assert "KeyError: 'wing'\n" in process()[0]
    assert response(notification) == "KeyError: 'wing'"
    assert (notification.status, notification.retry_attempts) == (Notification.RETRY, 1)
    assert "Traceback" in caplog.text
    assert "the secret body" not in caplog.text


@pytest.mark.parametrize("returned", ["None", "'Sent, I think.'"])
def test_a_handler_that_saves_nothing_is_told_what_to_do(
    pigeon: TargetUserRecord, make_due: MakeDue, write_handler: WriteHandler, returned: str
) -> None:
    notification = make_due(pigeon)
    file = write_handler(f"def send_notification(notification):\n    return {returned}")
    process()
    said = {"None": "nothing", "'Sent, I think.'": "'Sent, I think.'"}[returned]
    assert response(notification).startswith(
        f"send_notification() in {file} returned {said} and saved no status"
    )
    assert notification.status == Notification.RETRY


def test_a_handler_that_saves_nothing_does_not_send_for_ever(
    pigeon: TargetUserRecord, make_due: MakeDue, write_handler: WriteHandler
) -> None:
    notification = make_due(pigeon, retry_time_interval=0, max_retries=2)
    write_handler("def send_notification(notification):\n    pass")
    for _ in range(5):
        process()
    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == ("DELIVERY FAILURE", 2)


def test_a_handler_may_return_an_outcome(
    pigeon: TargetUserRecord, make_due: MakeDue, write_handler: WriteHandler
) -> None:
    notification = make_due(pigeon)
    write_handler(
        """
        from django_notification_system.notification_handlers.base import Outcome

        def send_notification(notification):
            return Outcome.failed(notification, "The pigeon died.")
        """
    )
    process()
    assert response(notification) == "The pigeon died."
    assert notification.status == Notification.DELIVERY_FAILURE


def test_a_handler_may_count_its_attempt_as_in_release_1_5_3(
    pigeon: TargetUserRecord, make_due: MakeDue, write_handler: WriteHandler
) -> None:
    notification = make_due(pigeon, max_retries=2)
    write_handler(
        """
        from ..utils import check_and_update_retry_attempts

        def send_notification(notification):
            check_and_update_retry_attempts(notification, 90)
            return "Lost in fog."
        """
    )
    started = timezone.now()
    process()
    assert response(notification) == "Lost in fog."
    assert (notification.status, notification.retry_attempts) == (Notification.RETRY, 1)
    assert 89 * 60 < (notification.scheduled_delivery - started).total_seconds() < 91 * 60


@pytest.mark.parametrize("status", ["SCHEDULED", "RETRY"])
def test_what_a_handler_leaves_due_without_counting_is_left_alone_for_a_while(
    pigeon: TargetUserRecord, make_due: MakeDue, write_handler: WriteHandler, status: str
) -> None:
    notification = make_due(pigeon, body="")
    write_handler(
        f"""
        from django.utils import timezone

        def send_notification(notification):
            notification.status = "{status}"
            notification.scheduled_delivery = timezone.now()
            notification.body += "called "
            notification.save()
            return "Not while it rains."
        """
    )
    started = timezone.now()
    process()
    process()
    assert response(notification) == "Not while it rains."
    assert (notification.status, notification.retry_attempts) == (status, 0)
    assert notification.body == "called "
    # Less than cron's minute.
    assert 20 < (notification.scheduled_delivery - started).total_seconds() < 59
    Notification.objects.update(scheduled_delivery=started)
    process()
    notification.refresh_from_db()
    assert notification.body == "called called "


def test_a_handler_may_save_by_other_means(
    pigeon: TargetUserRecord, make_due: MakeDue, write_handler: WriteHandler
) -> None:
    notification = make_due(pigeon)
    write_handler(
        """
        from ..models import Notification

        def send_notification(notification):
            Notification.objects.filter(pk=notification.pk).update(status="DELIVERED")
            return "By another way."
        """
    )
    process()
    assert response(notification) == "By another way."
    assert notification.status == Notification.DELIVERED
    assert notification.claim_token is None


def test_what_stands_in_for_a_response_is_english_in_every_project(
    pigeon: TargetUserRecord, make_due: MakeDue, write_handler: WriteHandler
) -> None:
    notification = make_due(pigeon)
    write_handler(
        """
        def send_notification(notification):
            notification.status = "DELIVERED"
            notification.save()
        """
    )
    with translation.override("de"):
        process()
    assert response(notification) == "Delivered (the handler returned no response)"


def test_what_a_handler_keeps_in_extra_is_saved_with_its_status(
    pigeon: TargetUserRecord, make_due: MakeDue, write_handler: WriteHandler
) -> None:
    notification = make_due(pigeon, extra={"speed": 1})
    untouched = make_due(pigeon, extra=None, title="no extra")
    write_handler(
        """
        def send_notification(notification):
            if notification.extra:
                notification.extra["ring"] = 42
            notification.status = notification.DELIVERED
            notification.save()
            return "Ringed."
        """
    )
    process()
    notification.refresh_from_db()
    assert notification.extra == {"speed": 1, "ring": 42}
    assert Notification.objects.get(extra__isnull=True) == untouched


def test_a_late_save_does_not_undo_what_another_has_recorded(
    pigeon: TargetUserRecord, make_due: MakeDue, write_handler: WriteHandler
) -> None:
    notification = make_due(pigeon)
    write_handler(
        """
        from ..models import Notification

        def send_notification(notification):
            # Meanwhile the lease ended, and another run took over and delivered.
            Notification.objects.filter(pk=notification.pk).update(
                status="DELIVERED", claim_token=None, response="By the other run."
            )
            notification.status = notification.DELIVERY_FAILURE
            notification.save()
            return "Too late."
        """
    )
    process()
    assert response(notification) == "By the other run."
    assert notification.status == Notification.DELIVERED


def test_only_python_files_that_a_target_names_are_loaded(
    pigeon: TargetUserRecord, make_due: MakeDue, write_handler: WriteHandler, tmp_path: Path
) -> None:
    make_due(pigeon)
    write_handler("raise SystemError", "other.py")
    for name in ("carrier_pigeon.pyc", "carrier_pigeon.txt", "carrier_pigeon.py.bak"):
        write_handler("raise SystemError", name)
    (tmp_path / "carrier_pigeon").mkdir()
    (tmp_path / "carrier_pigeon" / "__init__.py").write_text("raise SystemError")
    assert "No handler for target 'Carrier Pigeon'" in process()[0]


@pytest.mark.parametrize(
    "name",
    [
        "../evil", "evil/evil", "os.path", "carrier-pigeon", "", "__main__.x", "a b",
        "class", "None", "__init__", "__main__", "_private",
    ],
)  # fmt: skip
def test_a_module_name_that_no_target_may_have_is_refused(
    pigeon: TargetUserRecord, make_due: MakeDue, write_handler: WriteHandler, name: str
) -> None:
    write_handler(SENDS, "evil.py")
    NotificationTarget.objects.filter(pk=pigeon.target_id).update(notification_module_name=name)
    notification = make_due(pigeon)
    assert f"{name!r} is no Python module name." in process()[0]
    notification.refresh_from_db()
    assert notification.status == Notification.SCHEDULED
    pigeon.target.notification_module_name = name
    with pytest.raises(ValidationError, match="notification_module_name"):
        pigeon.target.full_clean()


@pytest.mark.parametrize("name", ["base", "registry"])
def test_the_apps_own_modules_are_no_handlers(
    pigeon: TargetUserRecord, make_due: MakeDue, name: str
) -> None:
    NotificationTarget.objects.filter(pk=pigeon.target_id).update(notification_module_name=name)
    make_due(pigeon)
    assert "No handler for target 'Carrier Pigeon'" in process()[0]


def test_shadowing_a_built_in_handler_is_allowed_and_shown(
    records: dict[str, TargetUserRecord], make_due: MakeDue, write_handler: WriteHandler
) -> None:
    make_due(records["Email"])
    file = write_handler(SENDS, "email.py")
    output, errors = process(verbosity=2)
    assert "Your pigeon is home." in output
    assert f"Email: {file}, in place of the built-in one" in errors
    assert "django_notification_system.notification_handlers.email" not in sys.modules or (
        sys.modules["django_notification_system.notification_handlers.email"].__file__ != str(file)
    )


def test_a_batch_handler_that_breaks_on_one_delivers_the_others(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    titles = ["one", "two", "raise", "four", "five"]
    notifications = {title: make_due(loft, title=title) for title in titles}
    process()
    for title, notification in notifications.items():
        notification.refresh_from_db()
        expected = Notification.RETRY if title == "raise" else Notification.DELIVERED
        assert (title, notification.status) == (title, expected)
    assert sorted(loft_handler.flown) == ["five", "four", "one", "two"]
    assert response(notifications["raise"]) == "RuntimeError: the loft is on fire"


def test_a_batch_handler_that_forgets_one_is_told(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    forgotten, sent = make_due(loft, title="forget"), make_due(loft, title="sent")
    process()
    assert (
        response(forgotten) == "deliver() in tests.support.handlers.loft yielded no outcome for it."
    )
    assert forgotten.status == Notification.RETRY
    sent.refresh_from_db()
    assert sent.status == Notification.DELIVERED


def test_a_batch_handler_that_takes_none_is_told(
    pigeon: TargetUserRecord, make_due: MakeDue, write_handler: WriteHandler
) -> None:
    notification = make_due(pigeon)
    file = write_handler("def deliver(notifications):\n    return iter(())")
    process()
    assert response(notification) == f"deliver() in {file} did not take it."
    assert notification.status == Notification.RETRY


def test_what_is_no_outcome_is_ignored_and_logged(
    loft: TargetUserRecord, make_due: MakeDue, caplog: pytest.LogCaptureFixture
) -> None:
    notification = make_due(loft, title="stray")
    process()
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED
    assert "yielded str for no notification that waits for an outcome" in caplog.text


def test_an_unavailable_target_stops_and_burns_no_attempts(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 2}
    notifications = [make_due(loft, title=title) for title in ("close", "second", "third")]
    output, errors = process()
    assert loft_handler.flown == []
    assert errors.startswith("The loft is closed.\n")
    assert output.count("The loft is closed.") == 2  # the first batch; the next is not claimed
    for notification in notifications:
        notification.refresh_from_db()
        assert (notification.status, notification.retry_attempts) == (Notification.SCHEDULED, 0)
        assert notification.claim_token is None
