"""What the pages about task engines show."""

import importlib
import json
import sys
from types import ModuleType
from typing import Any

import pytest
from django.utils.module_loading import import_string

from django_notification_system import checks
from django_notification_system.delivery.handover import BatchMessage, hand_over_due
from django_notification_system.testing.smtp import SmtpStandIn
from tests.support.documentation import DOCS, Records, run_example
from tests.support.runs import make_many, states


def test_the_documented_engine_delivers_what_is_due(
    records: Records, mail_server: SmtpStandIn, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 5, "IN_FLIGHT": 2}
    messages: list[str] = []
    background = ModuleType("myproject.background")
    background.run_in_background = lambda task, message: messages.append(  # type: ignore[attr-defined]
        json.dumps(message)
    )
    monkeypatch.setitem(sys.modules, "myproject", ModuleType("myproject"))
    monkeypatch.setitem(sys.modules, "myproject.background", background)
    engine = run_example("own_engine.py")
    make_many(records["Email"], 33)
    assert hand_over_due(engine["enqueue"]) == 10
    while messages:
        engine["deliver"](json.loads(messages.pop(0)))
    assert states(records["Email"]) == {("DELIVERED", 0, None)}


def test_the_settings_for_celery_name_tasks_and_queues_that_there_are(settings: Any) -> None:
    example = run_example("celery_settings.py")
    settings.NOTIFICATION_SYSTEM = example["NOTIFICATION_SYSTEM"]
    assert checks.check_settings() == []
    engine = importlib.import_module(example["NOTIFICATION_SYSTEM"]["ENGINE"])
    assert engine.__name__ in example["INSTALLED_APPS"]
    for entry in example["CELERY_BEAT_SCHEDULE"].values():
        module, _, name = entry["task"].rpartition(".")
        assert getattr(importlib.import_module(module), name).name == entry["task"]
    [dotted] = example["CELERY_TASK_ROUTES"]
    route = import_string(dotted)
    page = (DOCS / "howto" / "celery.rst").read_text()
    batch = BatchMessage("token", "Email", "email", "id", "default", ()).as_dict()
    tasks = f"{engine.__name__}.tasks"
    assert route(f"{tasks}.deliver", [batch], {}, {}) == {"queue": "notifications.email"}
    assert route(f"{tasks}.hand_over_due", [], {}, {}) == {"queue": "notifications"}
    assert route("mysite.tasks.clean", [], {}, {}) is None
    assert "-Q notifications,notifications.email," in page
