"""One text message by itself: ``send_notification()``, and what stands in for the client."""

import builtins
import importlib
import sys
from typing import Any
from unittest import mock

import pytest
from django.utils import timezone

from django_notification_system import signals
from django_notification_system.exceptions import TargetUnavailable
from django_notification_system.models import Notification, NotificationOptOut, TargetUserRecord
from django_notification_system.notification_handlers.twilio import send_notification
from django_notification_system.testing.providers import (
    ProviderStandIn,
)
from tests.conftest import MakeDue
from tests.support.twilio_support import TOKEN, configure, refusal


def test_the_client_is_a_patch_point(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(record, body="Hello")

    with mock.patch("django_notification_system.notification_handlers.twilio.Client") as client:
        assert send_notification(notification) == "SMS Successfully sent!"

    assert providers.requests == []
    client.assert_called_once_with("AC0123456789", TOKEN)
    client.return_value.messages.create.assert_called_once_with(
        to=record.target_user_id, body="Hello", from_="+15005550006"
    )
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED
    assert notification.provider_message_id == ""


def test_an_error_of_a_patched_client_is_an_outcome_too(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(record)

    with mock.patch("django_notification_system.notification_handlers.twilio.Client") as client:
        client.return_value.messages.create.side_effect = Exception("the body, for instance")
        response = send_notification(notification)

    assert response.startswith("Exception")
    assert "the body" not in response
    notification.refresh_from_db()
    assert notification.status == Notification.RETRY


def test_send_notification_saves_as_in_release_1_5_3(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(record, title="Good")
    providers.on_request = lambda request: refusal(503, 20503) if b"Bad" in request.body else None
    make_due(record, title="Bad", body="Bad", max_retries=1)

    notifications = Notification.objects.filter(
        target_user_record__target__name="Twilio",
        status="SCHEDULED",
        scheduled_delivery__lte=timezone.now(),
    ).order_by("-title")
    responses = [send_notification(notification) for notification in notifications]

    assert responses[0] == "SMS Successfully sent!"
    assert responses[1].startswith("TwilioRestException: HTTP 503, code 20503")
    good, bad = Notification.objects.order_by("-title")
    assert good.status == Notification.DELIVERED
    assert good.attempted_delivery is not None
    assert good.provider_message_id.startswith("SM")
    assert bad.status == Notification.DELIVERY_FAILURE
    assert bad.retry_attempts == 1


def test_send_notification_overwrites_nothing_but_the_attempt(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(record)
    Notification.objects.update(title="Changed meanwhile")

    send_notification(notification)

    notification.refresh_from_db()
    assert notification.title == "Changed meanwhile"
    assert notification.status == Notification.DELIVERED


def test_send_notification_deactivates_a_number_that_is_no_good(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    record.target_user_id = "+15005550009"
    record.save()
    notification = make_due(record)

    send_notification(notification)

    assert notification.target_user_record.active is False
    record.refresh_from_db()
    assert record.active is False
    notification.refresh_from_db()
    assert notification.status == Notification.INACTIVE_DEVICE


def test_send_notification_sends_nothing_to_a_user_who_opted_out(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    NotificationOptOut.objects.create(user=record.user, active=True)
    notification = make_due(record)

    assert send_notification(notification) == "Not sent: the user has opted out."

    assert providers.requests == []
    notification.refresh_from_db()
    assert notification.status == Notification.OPTED_OUT


def test_send_notification_raises_when_the_target_cannot_be_used(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    configure(settings, auth_token="")
    notification = make_due(record)

    with pytest.raises(TargetUnavailable, match="Set auth_token"):
        send_notification(notification)

    notification.refresh_from_db()
    assert notification.status == Notification.SCHEDULED


def test_send_notification_takes_a_notification_that_was_never_saved(
    providers: ProviderStandIn, record: TargetUserRecord
) -> None:
    notification = Notification(
        target_user_record=record, title="New", body="New", scheduled_delivery=timezone.now()
    )

    assert send_notification(notification) == "SMS Successfully sent!"

    assert Notification.objects.get().status == Notification.DELIVERED


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_send_notification_tells_the_projects_own_code(
    providers: ProviderStandIn, record: TargetUserRecord, make_due: MakeDue
) -> None:
    responses = []

    def remember(sender: Any, response: str, **kwargs: Any) -> None:
        responses.append(response)

    signals.notification_delivered.connect(remember)
    try:
        send_notification(make_due(record))
    finally:
        signals.notification_delivered.disconnect(remember)

    assert responses == ["SMS Successfully sent!"]


def test_a_missing_client_says_which_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "django_notification_system.notification_handlers.twilio"
    monkeypatch.delitem(sys.modules, f"{name}.sending", raising=False)
    real_import = builtins.__import__

    def without_twilio(module: str, *args: Any, **kwargs: Any) -> Any:
        if module.startswith("twilio."):
            raise ModuleNotFoundError("No module named 'twilio'")
        return real_import(module, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_twilio)

    with pytest.raises(ImportError, match=r"pip install 'django-notification-system\[twilio\]'"):
        importlib.import_module(f"{name}.sending")
