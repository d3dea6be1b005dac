"""The settings of text messages: where they go, in whose name, and what is missing."""

from typing import Any
from unittest import mock

import pytest

from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.notification_handlers.twilio import sending as twilio
from django_notification_system.testing.providers import (
    ProviderStandIn,
)
from tests.conftest import MakeDue
from tests.support.provider_support import HOSTS_AND_PREFIXES, Process, provider_on_ipv6
from tests.support.twilio_support import configure


@pytest.mark.parametrize(
    ("sender", "expected"),
    [
        ({"messaging_service_sid": "MG1", "sender": ""}, {"MessagingServiceSid": "MG1"}),
        (
            {"messaging_service_sid": "MG1"},
            {"MessagingServiceSid": "MG1", "From": "+15005550006"},
        ),
        ({}, {"From": "+15005550006"}),
    ],
)
def test_the_settings_name_a_sender_a_messaging_service_or_both(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    sender: dict[str, str],
    expected: dict[str, str],
) -> None:
    configure(settings, **sender)
    make_due(record)

    process()

    [message] = providers.received
    assert message.fields == {"To": record.target_user_id, "Body": "lorem ipsum...", **expected}


@pytest.mark.parametrize(("host", "prefix"), HOSTS_AND_PREFIXES)
def test_base_url_may_be_any_host_with_any_prefix(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    host: str,
    prefix: str,
) -> None:
    configure(settings, base_url=f"http://{host}:{providers.port}{prefix}")
    make_due(record)

    assert "SMS Successfully sent!" in process()

    path = "/2010-04-01/Accounts/AC0123456789/Messages.json"
    assert providers.requests[0].path == prefix.rstrip("/") + path


def test_base_url_may_be_an_ipv6_address(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    with provider_on_ipv6() as stand_in:
        configure(settings, base_url=stand_in.url)
        make_due(record)

        assert "SMS Successfully sent!" in process()

        assert len(stand_in.received) == 1


def test_twilios_own_address_keeps_the_region_of_the_environment(settings: Any) -> None:
    connection = twilio.Connection(mock.MagicMock(), twilio.TwilioSettings())
    regional = "https://api.dublin.ie1.twilio.com/2010-04-01/Accounts/AC1/Messages.json"

    assert connection._address(regional) == regional


@pytest.mark.parametrize(
    "base_url", ["api.twilio.com", "ftp://127.0.0.1", "http://[::1", "http://"]
)
def test_a_base_url_that_is_none_stops_the_target_and_says_so(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    base_url: str,
) -> None:
    configure(settings, base_url=base_url)
    notification = make_due(record)

    assert "base_url in the target's settings is no web address" in process()

    notification.refresh_from_db()
    assert notification.status == Notification.SCHEDULED


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"account_sid": ""}, "account_sid"),
        ({"auth_token": None}, "auth_token"),
        ({"sender": ""}, "sender (or messaging_service_sid)"),
    ],
)
def test_a_missing_setting_is_named_and_costs_no_attempt(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    changes: dict[str, Any],
    named: str,
) -> None:
    configure(settings, **changes)
    notification = make_due(record)

    assert f"Set {named} in NOTIFICATION_SYSTEM_TARGETS['twilio_sms']." in process()

    assert providers.requests == []
    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == (Notification.SCHEDULED, 0)


def test_a_token_that_fits_no_header_is_not_shown(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    configure(settings, auth_token="planted-Ł-token")
    notification = make_due(record)

    output = process()

    notification.refresh_from_db()
    assert notification.status == Notification.SCHEDULED
    assert "account_sid or auth_token" in output
    assert "planted" not in output + notification.response
