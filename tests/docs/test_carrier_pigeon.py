"""The documentation's target of one's own, over a real HTTP server."""

import importlib.util
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from django_notification_system import checks, notify
from django_notification_system.admin.preview import preview_of
from django_notification_system.delivery.handlers.find import find_handler
from django_notification_system.exceptions import InvalidNotification
from django_notification_system.models import (
    Notification,
    TargetUserRecord,
)
from django_notification_system.operations.destination import destination
from django_notification_system.testing.contract import HandlerContract
from tests.conftest import MakeDue
from tests.support.documentation import (
    EXAMPLES,
    PIGEON,
    assert_documented,
    process,
    run_example,
    run_module,
)

CLAUSES = [name for name in vars(HandlerContract) if name.startswith("test_")]
#: The example for unittest, as the pages say.
UNITTEST = """
from django.test import SimpleTestCase
from test_carrier_pigeon import TestCarrierPigeon as Contract

class CarrierPigeonContract(Contract, SimpleTestCase):
    pass
del Contract
"""


@pytest.fixture
def loft(user: Any, settings: Any) -> Iterator[Any]:
    """The example's loft on a real socket, and the project's settings for it."""
    spec = importlib.util.spec_from_file_location("loft_server", PIGEON / "loft_server.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    example = run_example("carrier_pigeon/settings.py")
    target_settings = example["NOTIFICATION_SYSTEM_TARGETS"]["carrier_pigeon"]
    with module.make_server(0) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
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


def test_carrier_pigeon_says_what_is_wrong_with_its_settings(loft: Any, settings: Any) -> None:
    entry = settings.NOTIFICATION_SYSTEM_TARGETS["carrier_pigeon"]
    settings.NOTIFICATION_SYSTEM_TARGETS = {
        "carrier_pigeon": {**entry, "api_key": "", "tiemout": 5}
    }
    said = {message.id: f"{message.msg} {message.hint}" for message in checks.check_settings()}
    assert "Did you mean 'timeout'?" in said["django_notification_system.W001"]
    assert said["loft.E001"] == "The loft takes no flights without a key. Set api_key."


def test_carrier_pigeon_refuses_what_no_pigeon_can_carry(loft: Any) -> None:
    user = TargetUserRecord.objects.get().user
    with pytest.raises(InvalidNotification, match="at most 20 characters"):
        notify(user, "Harvest", "The wheat is in, and so is the rye.", target="Carrier Pigeon")
    notify(user, "Harvest", "The wheat is in.", target="Carrier Pigeon")
    assert Notification.objects.get().retry_time_interval == 60


def test_carrier_pigeon_is_shown_in_the_admin(loft: Any, make_due: MakeDue) -> None:
    notification = make_due(
        TargetUserRecord.objects.get(), title="Harvest", body="The wheat is in."
    )
    assert preview_of(notification).text == "Harvest: The wheat is in."
    place = settings_of_the_loft()["base_url"]
    assert destination(find_handler(notification.target_user_record.target)) == place


def settings_of_the_loft() -> dict[str, Any]:
    entry: dict[str, Any] = django_settings.NOTIFICATION_SYSTEM_TARGETS["carrier_pigeon"]
    return entry


@pytest.mark.parametrize("runner", [["pytest", "-q", "-p", "no:cacheprovider"], ["django", "test"]])
def test_carrier_pigeon_keeps_the_contract_of_handlers(tmp_path: Path, runner: list[str]) -> None:
    project = shutil.copytree(PIGEON, tmp_path / "project", ignore=shutil.ignore_patterns("__*"))
    if runner[0] == "pytest":
        runner = [*runner, "test_carrier_pigeon.py"]
    else:
        (project / "test_unittest.py").write_text(UNITTEST)
    said = run_module(project, *runner)
    expected = "{} passed" if runner[0] == "pytest" else "Ran {} tests"
    assert expected.format(len(CLAUSES)) in said
