"""What the pages about task engines show."""

import json
import sys
from types import ModuleType
from typing import Any

import pytest

from django_notification_system.delivery.handover import hand_over_due
from django_notification_system.testing.smtp import SmtpStandIn
from tests.documentation import Records, run_example
from tests.test_engine_pauses import make_many, states


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
