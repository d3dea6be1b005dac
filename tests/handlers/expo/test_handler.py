"""Push notifications through Expo's API, on a real socket."""

import threading
from typing import Any

import pytest

from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.testing.providers import (
    ProviderStandIn,
    ReceivedRequest,
)
from tests.conftest import MakeDue
from tests.support.expo_support import PATH, configure, statuses
from tests.support.provider_support import Process
from tests.support.runs import make_many


def test_a_due_notification_becomes_one_message_with_expos_fields(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(
        record,
        title="Breakfast",
        body="Eggs & 5 €",
        extra={
            "data": {"order": 7},
            "sound": "default",
            "ttl": 60,
            "expiration": 2000000000,
            "priority": "high",
            "badge": 0,
            "channel_id": "kitchen",
            "subtitle": "Sunday",
            "category": "meals",
            "mutable_content": False,
            "to": "ExponentPushToken[another]",
            "anything": "else",
        },
    )

    output = process()

    assert "Notification Successfully Pushed!\n" in output
    [request] = providers.requests
    assert request.path == PATH
    assert request.headers["content-type"] == "application/json"
    assert "authorization" not in request.headers
    assert request.json() == [
        {
            "to": "ExponentPushToken[eggs-benedict]",
            "title": "Breakfast",
            "body": "Eggs & 5 €",
            "data": {"order": 7},
            "sound": "default",
            "ttl": 60,
            "expiration": 2000000000,
            "priority": "high",
            "badge": 0,
            "channelId": "kitchen",
            "subtitle": "Sunday",
            "categoryId": "meals",
            "mutableContent": False,
        }
    ]
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED
    assert notification.attempted_delivery is not None
    assert notification.response == "Notification Successfully Pushed!"
    assert notification.provider_message_id == providers.received[0].message_id


def test_the_category_has_expos_own_name_too(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(record, extra={"category_id": "meals"})

    process()

    assert providers.received[0].fields["categoryId"] == "meals"


def test_both_kinds_of_token_go_out(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord, make_due: MakeDue
) -> None:
    record.target_user_id = "ExpoPushToken[eggs]"
    record.save()
    make_due(record)

    assert "Notification Successfully Pushed!" in process()

    assert providers.received[0].to == "ExpoPushToken[eggs]"


@pytest.mark.parametrize(
    "token",
    [
        "F5741A13-BCDA-434B-A316-5DC0E6FFA94F",
        "f5741a13-bcda-434b-a316-5dc0e6ffa94f",
        "ExpoPushToken[a-b_C]",
    ],
)
def test_every_form_of_token_that_expo_has_is_sent(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    token: str,
) -> None:
    record.target_user_id = token
    record.save()
    notification = make_due(record)
    process()
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED
    assert [message.to for message in providers.received] == [token]


@pytest.mark.parametrize(
    "token", ["", "eggs", "ExponentPushToken[]", "ExponentPushToken[a", "xExpoPushToken[a]", "[a]"]
)
def test_what_has_not_a_tokens_form_fails_without_a_request_and_its_record_stays_on(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    token: str,
) -> None:
    good = make_due(record)
    bad = make_due(
        TargetUserRecord.objects.create(
            user=record.user, target=record.target, target_user_id=token, description="Old"
        )
    )

    assert "no Expo push token" in process()

    assert [message.to for message in providers.received] == [record.target_user_id]
    bad.refresh_from_db()
    good.refresh_from_db()
    assert bad.status == Notification.DELIVERY_FAILURE
    assert bad.target_user_record.active is True
    assert good.status == Notification.DELIVERED


@pytest.mark.parametrize("extra", [None, [], ["a"], "text", 3])
def test_extra_of_old_rows_that_is_no_object_stops_nothing(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    extra: Any,
) -> None:
    make_due(record, extra=extra)

    assert "Notification Successfully Pushed!" in process()


def test_a_hundred_messages_share_a_request(
    providers: ProviderStandIn, process: Process, record: TargetUserRecord
) -> None:
    make_many(record, 230)

    process()

    assert statuses() == {"DELIVERED": 230}
    assert sorted(len(request.json()) for request in providers.requests) == [30, 100, 100]
    sent = {message.title: message.message_id for message in providers.received}
    assert dict(Notification.objects.values_list("title", "provider_message_id")) == sent


def test_as_many_requests_run_at_once_as_the_settings_allow(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    settings: Any,
) -> None:
    configure(settings, connections=2)
    together = threading.Barrier(2)

    def wait_for_the_others(request: ReceivedRequest) -> None:
        together.wait(timeout=10)

    providers.on_request = wait_for_the_others
    make_many(record, 400)

    process()

    assert statuses() == {"DELIVERED": 400}
    assert providers.most_at_once == 2
    assert providers.connections == 2
