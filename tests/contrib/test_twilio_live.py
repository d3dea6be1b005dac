"""Text messages and the callbacks about them, over real sockets in both directions."""

import threading
import time
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
from django.core.management import call_command
from django.db import connection

from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.testing.providers import (
    Answer,
    ProviderStandIn,
    ReceivedRequest,
)
from tests.conftest import MakeDue
from tests.support.twilio_callbacks import serve, signed
from tests.support.twilio_support import TOKEN, configure

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.skipif(
        connection.vendor == "sqlite",
        reason="The test server would share its one connection to SQLite with the run.",
    ),
]


class Reporter:
    """Reports of each message as Twilio does, while the run that has sent it goes on."""

    def __init__(self, *statuses: str) -> None:
        self.statuses = statuses
        self.answers: list[int] = []
        self._threads: list[threading.Thread] = []

    def report(self, address: str, message_id: str) -> None:
        """Begin to report of a message, before it is answered that it was taken."""
        thread = threading.Thread(target=self._report, args=(address, message_id))
        self._threads.append(thread)
        thread.start()
        time.sleep(0.2)

    def wait(self) -> None:
        """Wait for the last report."""
        for thread in self._threads:
            thread.join(timeout=30)

    def _report(self, address: str, message_id: str) -> None:
        told, _, _ = address.partition("#")
        for status in self.statuses:
            form = {"MessageSid": message_id, "MessageStatus": status}
            headers = {"X-Twilio-Signature": signed(told, form, TOKEN)}
            answer = requests.post(told, data=form, headers=headers, timeout=20)
            self.answers.append(answer.status_code)


@pytest.fixture
def record(records: dict[str, TargetUserRecord]) -> TargetUserRecord:
    return records["Twilio"]


def test_reports_that_come_while_the_run_goes_on_reach_their_notifications(
    providers: ProviderStandIn,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    live_server: Any,
) -> None:
    serve(settings)
    configure(settings, callback_url=f"{live_server.url}/twilio/status/#rc=3", connections=2)
    reporter = Reporter("sent", "delivered")
    providers.on_message = lambda message: reporter.report(
        message.fields["StatusCallback"], message.message_id
    )
    for number in range(6):
        make_due(record, title=f"Message {number}")

    call_command("process_notifications", verbosity=0)
    reporter.wait()

    assert reporter.answers == [204] * 12
    for notification in Notification.objects.all():
        assert notification.status == Notification.DELIVERED
        assert notification.provider_status == "delivered"
        assert notification.confirmed_at is not None


def test_a_report_settles_a_message_whose_answer_was_lost(
    providers: ProviderStandIn,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    live_server: Any,
) -> None:
    serve(settings)
    configure(settings, callback_url=f"{live_server.url}/twilio/status/")
    reporter = Reporter("delivered")

    def lose_the_answer(request: ReceivedRequest) -> Answer:
        fields = dict(parse_qsl(request.body.decode()))
        reporter.report(fields["StatusCallback"], "SM00000000000000000000000000000009")
        return Answer(close=True)

    providers.on_request = lose_the_answer
    notification = make_due(record)

    call_command("process_notifications", verbosity=0)
    reporter.wait()

    assert reporter.answers == [204]
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED
    assert notification.confirmed_at is not None
    call_command("process_notifications", verbosity=0)
    assert len(providers.requests) == 1
