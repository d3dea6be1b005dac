"""The page about Firebase: settings that pass the checks, and an example that sends."""

from typing import Any

from django.core.management import call_command
from django.test import RequestFactory

from django_notification_system.models import TargetUserRecord
from django_notification_system.testing.providers import ProviderStandIn
from tests.support.documentation import run_example


def test_the_example_registers_a_device_and_sends(user: Any, settings: Any) -> None:
    written = run_example("fcm_settings.py")["NOTIFICATION_SYSTEM_TARGETS"]["fcm"]
    assert isinstance(written["credentials"], str)
    call_command("add_target", "fcm", verbosity=0)
    with ProviderStandIn() as stand_in:
        key = stand_in.service_account()
        settings.NOTIFICATION_SYSTEM_TARGETS = {
            "fcm": {"credentials": key, "base_url": stand_in.url}
        }
        run_example("send_fcm.py")
        call_command("process_notifications", verbosity=0)
        [message] = stand_in.received
    assert message.to == "cFkq3xT1Rk2:APA91bE-device"
    assert message.fields["android"] == {"ttl": "3600s", "priority": "HIGH"}


def test_the_view_registers_a_device(user: Any) -> None:
    call_command("add_target", "fcm", verbosity=0)
    register = run_example("fcm_view.py")["register"]

    def status(token: str) -> int:
        request = RequestFactory().post("/", {"token": token})
        request.user = user
        answer: int = register(request).status_code
        return answer

    assert (status("two words"), status("cFkq3xT1Rk2:APA91bE-device")) == (400, 204)
    [record] = TargetUserRecord.objects.filter(user=user)
    assert record.details is not None
    assert record.details["token"] == "cFkq3xT1Rk2:APA91bE-device"
    assert record.details["seen_at"] > 0
