"""Expo's client as a patch point, and ``send_notification()`` of release 1.5.3."""

import builtins
import importlib
import sys
from typing import Any
from unittest import mock

import pytest
from django.utils import timezone
from exponent_server_sdk import DeviceNotRegisteredError, PushServerError, PushTicket

from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.notification_handlers.expo import send_notification
from django_notification_system.testing.providers import (
    ProviderStandIn,
)
from tests.conftest import MakeDue
from tests.support.expo_support import (
    errors,
)


def test_the_client_is_a_patch_point(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(record, extra={"sound": "default"})

    with mock.patch("django_notification_system.notification_handlers.expo.PushClient") as client:
        assert send_notification(notification) == "Notification Successfully Pushed!"

    assert providers.requests == []
    [message] = client.return_value.publish.call_args.args
    assert (message.to, message.title, message.body, message.sound) == (
        record.target_user_id,
        notification.title,
        notification.body,
        "default",
    )
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED
    assert notification.provider_message_id == ""


class OldPushClient:
    """What stands in for the client in the tests of release 1.5.3: no session, no timeout."""

    def __init__(self, host: str | None = None, api_url: str | None = None) -> None:
        self.host = host

    def publish(self, message: Any) -> PushTicket:
        assert message.get_payload()["to"] == message.to
        return PushTicket(
            push_message=message, status="ok", message="", details=None, id="ticket-1"
        )


def test_a_stand_in_class_of_a_projects_tests_need_not_know_the_new_arguments(
    providers: ProviderStandIn,
    record: TargetUserRecord,
    make_due: MakeDue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "django_notification_system.notification_handlers.expo.PushClient"
    monkeypatch.setattr(name, OldPushClient)
    notification = make_due(record)

    assert send_notification(notification) == "Notification Successfully Pushed!"

    notification.refresh_from_db()
    assert notification.provider_message_id == "ticket-1"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (PushServerError("Invalid server response", mock.Mock()), Notification.RETRY),
        (
            PushServerError("Failed", mock.Mock(), errors=[{"code": "API_ERROR"}]),
            Notification.DELIVERY_FAILURE,
        ),
        (ValueError("Invalid push token"), Notification.RETRY),
    ],
)
def test_an_error_of_a_patched_client_is_an_outcome_too(
    providers: ProviderStandIn,
    record: TargetUserRecord,
    make_due: MakeDue,
    error: Exception,
    status: str,
) -> None:
    notification = make_due(record)

    with mock.patch("django_notification_system.notification_handlers.expo.PushClient") as client:
        client.return_value.publish.side_effect = error
        assert send_notification(notification).startswith(type(error).__name__)

    notification.refresh_from_db()
    assert notification.status == status


def test_a_ticket_of_a_patched_client_may_refuse_the_device(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(record)
    refusal = DeviceNotRegisteredError(mock.Mock(message="Not registered"))

    with mock.patch("django_notification_system.notification_handlers.expo.PushClient") as client:
        client.return_value.publish.return_value.validate_response.side_effect = refusal
        response = send_notification(notification)

    assert response == "DeviceNotRegisteredError: Not registered"
    record.refresh_from_db()
    assert record.active is False
    notification.refresh_from_db()
    assert notification.status == Notification.INACTIVE_DEVICE


def test_send_notification_saves_as_in_release_1_5_3(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(record, title="Good")
    providers.on_request = lambda request: (
        errors(503, "UNAVAILABLE") if b"Bad" in request.body else None
    )
    make_due(record, title="Bad")

    notifications = Notification.objects.filter(
        target_user_record__target__name="Expo",
        status="SCHEDULED",
        scheduled_delivery__lte=timezone.now(),
    ).order_by("-title")
    responses = [send_notification(notification) for notification in notifications]

    assert responses[0] == "Notification Successfully Pushed!"
    assert responses[1].startswith("PushServerError: HTTP 503, UNAVAILABLE")
    good, bad = Notification.objects.order_by("-title")
    assert good.status == Notification.DELIVERED
    assert good.attempted_delivery is not None
    assert bad.status == Notification.RETRY
    assert bad.retry_attempts == 1
    assert bad.scheduled_delivery > timezone.now()


@pytest.mark.parametrize("missing", ["exponent_server_sdk", "six"])
def test_a_missing_client_says_which_extra_to_install(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    name = "django_notification_system.notification_handlers.expo"
    monkeypatch.delitem(sys.modules, f"{name}.sending", raising=False)
    real_import = builtins.__import__

    def without_it(module: str, *args: Any, **kwargs: Any) -> Any:
        if module == missing:
            raise ModuleNotFoundError(f"No module named {missing!r}")
        return real_import(module, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_it)

    with pytest.raises(ImportError, match=r"pip install 'django-notification-system\[expo\]'"):
        importlib.import_module(f"{name}.sending")


def test_a_message_that_the_client_itself_refuses_spoils_no_other(
    records: dict[str, TargetUserRecord], make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Client:
        """A fake in the manner of release 1.5.3's tests, which refuses one kind of sound."""

        def __init__(self, **kwargs: Any) -> None:
            pass

        def publish(self, message: Any) -> Any:
            return self.publish_multiple([message])[0]

        def publish_multiple(self, messages: Any) -> Any:
            if any(message.sound == "BAD_SOUND!" for message in messages):
                raise PushServerError("Request failed", {})
            return [PushTicket(message, "ok", "", None, "ticket") for message in messages]

    monkeypatch.setattr("django_notification_system.notification_handlers.expo.PushClient", Client)
    for number in range(4):
        make_due(records["Expo"], title=f"fine {number}")
    bad = make_due(records["Expo"], title="bad", extra={"sound": "BAD_SOUND!"})
    list(Run())
    assert Notification.objects.filter(status="DELIVERED").count() == 4
    bad.refresh_from_db()
    assert bad.status == Notification.RETRY
