"""The examples of the page about webhooks: a receiver is registered, notified, and verifies."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command
from django.test import RequestFactory

from django_notification_system.models import NotificationTarget
from django_notification_system.testing.webhook_receiver import WebhookReceiver
from tests.support.documentation import run_example
from tests.support.webhook_support import configure

pytestmark = pytest.mark.django_db


class SeenWebhooks:
    """The example's model, whose rows are names."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def get_or_create(self, *, name: str) -> tuple[str, bool]:
        is_new = name not in self.names
        self.names.add(name)
        return name, is_new


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> SeenWebhooks:
    objects = SeenWebhooks()
    module = ModuleType("orders.models")
    module.SeenWebhook = SimpleNamespace(objects=objects)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "orders", ModuleType("orders"))
    monkeypatch.setitem(sys.modules, "orders.models", module)
    return objects


def test_the_examples_send_and_receive(
    user: Any, settings: Any, seen: SeenWebhooks, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("add_target", "webhook", verbosity=0)
    made = run_example("add_webhook.py")
    record, settings.KITCHEN_SECRET = made["record"], made["secret"]
    assert record.target == NotificationTarget.objects.get(name="Webhook")
    configure(settings)
    with WebhookReceiver() as receiver:
        record.details["url"] = receiver.webhook_url  # of the test in place of the example's
        record.save()
        receiver.secrets = [made["secret"]]
        run_example("send_webhook.py")
        call_command("process_notifications", verbosity=0)
        [request] = receiver.requests
    view = run_example("receive_webhook.py")["from_the_kitchen"]
    factory = RequestFactory()
    headers = {name: request.headers[name] for name in request.headers if "webhook-" in name}

    def status(body: bytes) -> int:
        posted = factory.post("/", body, content_type="application/json", headers=headers)
        return int(view(posted).status_code)

    assert [status(request.body), status(request.body), status(request.body + b" ")] == [
        204,
        204,
        401,
    ]
    assert capsys.readouterr().out == (
        "order.shipped {'order': 17, 'expected': '2026-05-17T08:45:00Z'}\n"
    )
