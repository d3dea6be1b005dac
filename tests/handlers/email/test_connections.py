"""The connections that email goes over: how many, how long, and when they are opened again."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_handlers import email as handler
from django_notification_system.testing.smtp import DROP, SmtpStandIn
from tests.conftest import MakeDue
from tests.support.email_support import EGGS, SENT, after_run, configure, run, wait_until_closed
from tests.support.mail_backends import use_backend

Process = Callable[..., str]


def test_one_connection_carries_many_messages(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    configure(settings, connections=1)
    for number in range(20):
        make_due(email, title=f"Number {number}")
    run()
    assert len(mail_server.received) == 20
    assert mail_server.connections == 1
    wait_until_closed(mail_server)


def test_no_more_connections_are_open_than_the_settings_say(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    configure(settings, connections=3)
    mail_server.answer("MESSAGE", delay=0.05)
    for number in range(12):
        make_due(email, title=f"Number {number}")
    run()
    assert len({received["Subject"] for received in mail_server.received}) == 12
    assert (mail_server.connections, mail_server.most_open_connections) == (3, 3)
    wait_until_closed(mail_server)


def test_no_more_connections_are_opened_than_there_are_messages(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    configure(settings, connections=8)
    mail_server.answer("MESSAGE", delay=0.05)
    make_due(email, title="One")
    make_due(email, title="Two")
    run()
    assert mail_server.connections == 2


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_run_with_threads_of_its_own_sends_each_once(
    mail_server: SmtpStandIn, django_user_model: Any, make_due: MakeDue
) -> None:
    user = django_user_model.objects.create_user(username="egg", email=EGGS, first_name="Eggs")
    target, _ = NotificationTarget.objects.get_or_create(
        name="Email", notification_module_name="email"
    )
    record = TargetUserRecord.objects.create(user=user, target=target, target_user_id=EGGS)
    for number in range(10):
        extra = {"template_name": "mail/welcome.txt", "dish": number}
        make_due(record, title=f"Number {number}", body="", extra=extra)
    run()
    assert len({received["Subject"] for received in mail_server.received}) == 10
    assert len(mail_server.received) == 10
    assert Notification.objects.filter(status=Notification.DELIVERED).count() == 10


@pytest.mark.parametrize(
    ("when_unknown", "status"), [("retry", "RETRY"), ("fail", "DELIVERY FAILURE")]
)
def test_a_connection_lost_before_the_answer_leaves_it_open_whether_the_mail_went_out(
    when_unknown: str,
    status: str,
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    configure(settings, when_unknown=when_unknown)
    mail_server.answer("MESSAGE", DROP)
    notification = after_run(make_due(email))
    assert notification.status == status
    assert "it went out, or it did not" in notification.response


def test_a_server_that_does_not_answer_in_time_leaves_it_open(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    use_backend(settings, host=mail_server.host, port=mail_server.port)
    configure(settings, timeout=0.2, when_unknown="fail")
    mail_server.answer("MESSAGE", delay=30)
    started = time.monotonic()
    assert after_run(make_due(email)).status == Notification.DELIVERY_FAILURE
    assert time.monotonic() - started < 30  # the answer comes then


def test_a_server_that_does_not_greet_in_time_is_tried_again(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    use_backend(settings, host=mail_server.host, port=mail_server.port, timeout=0.2)
    configure(settings, timeout=60, when_unknown="fail")
    mail_server.answer("CONNECT", delay=30)
    started = time.monotonic()
    assert after_run(make_due(email)).status == Notification.SCHEDULED
    assert time.monotonic() - started < 30  # the answer comes then


def test_a_connection_that_the_server_closed_between_messages_is_opened_again(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    configure(settings, connections=1)
    mail_server.messages_per_connection = 2
    for number in range(5):
        make_due(email, title=f"Number {number}")
    run()
    assert [received.connection for received in mail_server.received] == [1, 1, 2, 2, 3]
    assert Notification.objects.filter(response=SENT, retry_attempts=0).count() == 5


def test_a_connection_that_the_server_ends_with_421_is_opened_again(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    configure(settings, connections=1)
    mail_server.answer("MAIL", "421 4.7.0 Too many messages", after=2, times=1)
    for number in range(4):
        make_due(email, title=f"Number {number}")
    run()
    assert [received.connection for received in mail_server.received] == [1, 1, 2, 2]
    assert Notification.objects.filter(response=SENT, retry_attempts=0).count() == 4


def test_a_server_that_ends_every_connection_is_not_asked_for_ever(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue
) -> None:
    mail_server.answer("MAIL", "421 4.7.0 Closing")
    assert after_run(make_due(email)).status == Notification.SCHEDULED
    assert mail_server.connections == 1


def test_only_those_in_copy_are_refused(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue
) -> None:
    mail_server.answer("RCPT", "550 5.1.1 No such user", recipient="ham@example.com")
    notification = after_run(make_due(email, extra={"cc": ["ham@example.com"]}))
    assert notification.status == Notification.DELIVERED
    assert notification.response == (f"{SENT}, but not to ham@example.com: 550 5.1.1 No such user")


def test_a_copy_is_not_taken_for_the_mail_itself(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue
) -> None:
    mail_server.answer("RCPT", "550 5.1.1 No such user", recipient=EGGS)
    notification = after_run(make_due(email, extra={"cc": ["ham@example.com"]}))
    assert notification.status == Notification.INACTIVE_DEVICE
    assert "550 5.1.1 No such user" in notification.response


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("AUTH", "535 5.7.8 Wrong planted-password"),
        ("MAIL", "530 5.7.0 Authentication required"),
        ("RCPT", "530 5.7.0 Authentication required"),
    ],
)
def test_refused_credentials_stop_the_target_and_burn_no_attempt(
    command: Any,
    reply: str,
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
    process: Process,
    settings: Any,
) -> None:
    use_backend(
        settings,
        host=mail_server.host,
        port=mail_server.port,
        username="shop",
        password="planted-password",
    )
    mail_server.answer(command, reply)
    notifications = [make_due(email, title=f"Number {number}") for number in range(6)]
    printed = process()
    assert reply[:9] in printed
    assert "planted-password" not in printed
    for notification in notifications:
        notification.refresh_from_db()
        assert (notification.status, notification.retry_attempts) == ("SCHEDULED", 0)
    assert mail_server.connections <= 4
    wait_until_closed(mail_server)


def test_what_went_out_before_the_credentials_are_refused_is_recorded(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    configure(settings, connections=2)
    mail_server.answer("MAIL", "530 5.7.0 Authentication required", after=3)
    for number in range(8):
        make_due(email, title=f"Number {number}")
    this = run()
    assert "Email" in this.problems
    assert Notification.objects.filter(status=Notification.DELIVERED).count() == 3
    assert Notification.objects.filter(status=Notification.SCHEDULED).count() == 5


def test_a_server_without_tls_where_it_is_wanted_stops_the_target(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    use_backend(settings, host=mail_server.host, port=mail_server.port, use_tls=True)
    make_due(email)
    assert "STARTTLS" in run().problems["Email"]


def test_notifications_are_taken_one_by_one_as_they_can_be_sent(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    configure(settings, connections=2)
    taken: list[Notification] = []

    def take() -> Iterator[Notification]:
        for number in range(10):
            notification = make_due(email, title=f"Number {number}")
            taken.append(notification)
            yield notification

    outcomes = handler.deliver(take())
    next(outcomes)
    assert len(taken) <= 3
    outcomes.close()  # type: ignore[attr-defined] # a generator
    assert len(mail_server.received) <= 3
    wait_until_closed(mail_server)
