"""Django's Tasks as the engine: whatever backend a project has, it works and does no harm."""

import builtins
import importlib
import json
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from django_notification_system.checks import check_settings
from django_notification_system.contrib import tasks
from django_notification_system.delivery.handover import claim_batches
from django_notification_system.delivery.handover.dispatch import Rest
from django_notification_system.delivery.handover.time_limit import ENQUEUE_SECONDS
from django_notification_system.models import Notification, TargetUserRecord
from tests.conftest import MakeDue
from tests.settings import TEST_DATABASE
from tests.support.handlers.loft import flown
from tests.support.runs import in_real_transactions, make_many
from tests.support.tasks_settings import ENGINE, IMMEDIATE, PACKAGE
from tests.support.workers.pool import Workers

DUMMY = {"default": {"BACKEND": f"{PACKAGE}.backends.dummy.DummyBackend"}}


@pytest.fixture(autouse=True)
def immediate(settings: Any) -> Iterator[None]:
    """Tasks run when they are enqueued, as without any setting."""
    settings.TASKS = IMMEDIATE
    settings.NOTIFICATION_SYSTEM = ENGINE
    Rest.until = 0.0
    yield
    Rest.until = 0.0


@in_real_transactions
def test_the_immediate_backend_delivers_on_commit(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(loft, title="eggs")
    assert flown == ["eggs"]
    assert Notification.objects.get().status == Notification.DELIVERED


def test_the_immediate_backend_delivers_in_a_test_of_the_projects(
    loft: TargetUserRecord,
    make_due: MakeDue,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        make_due(loft, title="eggs")
    assert flown == ["eggs"]


@in_real_transactions
def test_the_command_hands_over_all_that_is_due_batch_by_batch(
    loft: TargetUserRecord, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.NOTIFICATION_SYSTEM = {"ENGINE": tasks.__name__, "BATCH_SIZE": 1}
    make_many(loft, 12)
    call_command("hand_over_notifications", "--target", "Email")
    assert capsys.readouterr().out == "0 notifications were handed over.\n"
    call_command("hand_over_notifications")
    assert capsys.readouterr().out == "12 notifications were handed over.\n"
    assert len(flown) == 12
    call_command("hand_over_notifications", "-v0")
    assert capsys.readouterr().out == ""


@pytest.mark.django_db
def test_the_command_says_what_is_missing(settings: Any) -> None:
    with pytest.raises(CommandError, match="There is no target 'Fax'"):
        call_command("hand_over_notifications", "--target", "Fax")
    settings.NOTIFICATION_SYSTEM = {}
    with pytest.raises(CommandError, match=r"\['ENGINE'\] names no task engine"):
        call_command("hand_over_notifications")


@in_real_transactions
def test_the_task_hands_over_what_is_due(loft: TargetUserRecord, make_due: MakeDue) -> None:
    with override_settings(NOTIFICATION_SYSTEM={}):
        make_due(loft, title="eggs")
    assert tasks.hand_over.enqueue(["Email"]).return_value == 0
    assert tasks.hand_over.enqueue().return_value == 1
    assert flown == ["eggs"]


@in_real_transactions
def test_a_task_that_runs_twice_delivers_once(loft: TargetUserRecord, settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {}
    make_many(loft, 3)
    [batch] = claim_batches()
    assert tasks.deliver.enqueue(batch.as_dict()).return_value == {
        "taken": 3,
        "statuses": {"DELIVERED": 3},
        "problem": None,
    }
    assert tasks.deliver.enqueue(batch.as_dict()).return_value["taken"] == 0
    assert len(flown) == 3


@in_real_transactions
def test_the_dummy_backend_keeps_keys_and_nothing_of_the_message(
    loft: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.TASKS = DUMMY
    settings.NOTIFICATION_SYSTEM = {**ENGINE, "LEASE_SECONDS": 1}
    notification = make_due(loft, title="a secret title", body="a secret body")
    [result] = tasks.task_backends["default"].results
    task = json.dumps([result.args, result.kwargs])
    assert str(notification.pk) in task
    assert not any(word in task for word in ("secret", loft.target_user_id, loft.user.username))
    assert flown == []
    assert Notification.objects.due().count() == 1


def test_a_queue_that_the_backend_does_not_have_is_found_at_start(settings: Any) -> None:
    def found() -> list[tuple[str | None, str]]:
        return [(message.id, message.msg) for message in check_settings()]

    settings.NOTIFICATION_SYSTEM = {**ENGINE, "TASK_QUEUES": {"email": "mail"}}
    [(id_, message)] = found()
    assert id_ == "django_notification_system.E012"
    assert "['TASK_QUEUES']['email'] is 'mail'" in message
    settings.TASKS = {"default": {**DUMMY["default"], "QUEUES": ["mail", "other"]}}
    assert found() == []
    assert tasks.queue_of("email") == "mail"
    assert tasks.queue_of("twilio") == "mail"  # there is no "default"


@pytest.mark.parametrize("queues", [["mail"], "mail", {"email": ["mail"]}])
def test_queues_of_the_wrong_kind_are_reported_and_break_no_check(
    settings: Any, queues: object
) -> None:
    settings.NOTIFICATION_SYSTEM = {**ENGINE, "TASK_QUEUES": queues}
    assert ["TASK_QUEUES" in message.msg for message in check_settings()] == [True]


def test_a_missing_backport_says_which_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, tasks.__name__)
    real_import = builtins.__import__

    def without_tasks(module: str, *args: Any, **kwargs: Any) -> Any:
        if module in ("django.tasks", "django_tasks"):
            raise ModuleNotFoundError(f"No module named {module!r}")
        return real_import(module, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(builtins, "__import__", without_tasks)
        with pytest.raises(ImportError, match=r"pip install 'django-notification-system\[tasks\]'"):
            importlib.import_module(tasks.__name__)


CREATE_AND_RUN = """
import django, os
django.setup()
import json, logging, random, time
if "celery" in os.environ["DJANGO_SETTINGS_MODULE"]:
    import tests.support.workers.celery_app
from django.core.management import call_command
from django_notification_system.models import Notification
from tests.support.workers.fill import fill

said = []

class Ear(logging.Handler):
    def emit(self, record):
        said.append(record.getMessage())

logging.getLogger("django_notification_system").addHandler(Ear())

def states():
    return list(Notification.objects.values_list("status", "claim_token"))

# Redis' client waits between its tries for a time by chance, and gives up before the limit once in
# a while: it shall wait for the longest.
random.random = lambda: 1.0
call_command("migrate", verbosity=0)
began = time.monotonic()
fill(1)
fill(1)
seconds = time.monotonic() - began
print(json.dumps([seconds, said, states()]))
call_command("process_notifications", verbosity=0)
print(json.dumps(states()))
"""


@pytest.mark.skipif(TEST_DATABASE != "sqlite", reason="Redis is the same for every database.")
@pytest.mark.parametrize(
    ("engine", "is_silent"), [("tasks", False), ("tasks", True), ("celery", True)]
)
def test_a_redis_that_is_down_holds_up_nobody_for_long(
    tmp_path: Path, engine: str, is_silent: bool
) -> None:
    """Its client alone would go on for four seconds, or for a minute, and raise another error."""
    with closing(socket.socket()) as server:
        server.bind(("127.0.0.1", 0))
        address = server.getsockname()
        if is_silent:
            server.listen()
        workers = Workers(tmp_path, str(tmp_path / "workers.sqlite3"))
        workers.environment |= {
            "CELERY_BROKER": f"redis://127.0.0.1:{address[1]}/0",
            "CELERY_PREFIX": "",
            "DJANGO_SETTINGS_MODULE": f"tests.support.workers.{engine}_settings",
            "TASKS_BACKEND": "rq",
            "TASKS_QUEUES": '["default"]',
            "TASKS_REDIS": json.dumps(address),
            "WORKERS_ENGINE": json.dumps({"DISPATCH": "on_commit"}),
        }
        created, delivered = workers.python("-c", CREATE_AND_RUN).splitlines()
    seconds, said, states = json.loads(created)
    assert seconds >= ENQUEUE_SECONDS
    # Of the first alone: the second is not handed over any more.
    assert ["(TimeoutError)" in each for each in said] == [True]
    assert states == [["SCHEDULED", None]] * 2  # due, and nobody holds it
    assert json.loads(delivered) == [["DELIVERED", None]] * 2
