"""Delivering email over real SMTP: what arrives, over which connections, what fails."""

import smtplib
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connection, connections

from django_notification_system.delivery.run import Run
from django_notification_system.exceptions import TargetUnavailable
from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_handlers import email as handler
from django_notification_system.testing.smtp import DROP, ReceivedEmail, SmtpStandIn
from tests.conftest import MakeDue
from tests.mail_backends import HAS_MAILERS, SMTP, ThirdParty, use_backend, use_email_settings

SENT = "Email Successfully Sent"
EGGS = "eggs@example.com"
THIRD_PARTY = "tests.mail_backends.ThirdParty"
Process = Callable[..., str]


@pytest.fixture
def email(records: dict[str, TargetUserRecord]) -> TargetUserRecord:
    return records["Email"]


@pytest.fixture
def third_party(settings: Any) -> Iterator[type[ThirdParty]]:
    ThirdParty.reset()
    use_backend(settings, THIRD_PARTY)
    yield ThirdParty
    ThirdParty.reset()


def configure(settings: Any, **values: Any) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"email": values}


def run() -> Run:
    """Run, to the end."""
    this = Run()
    for _ in this:
        pass
    return this


def after_run(notification: Notification) -> Notification:
    run()
    notification.refresh_from_db()
    return notification


def plain(text: str) -> str:
    """Return a part's text as it was before it was sent, however it ended."""
    return text.replace("\r\n", "\n").removesuffix("\n")


def wait_until_closed(server: SmtpStandIn) -> None:
    deadline = time.monotonic() + 5
    while server.open_connections and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.open_connections == 0


def test_the_command_sends_a_mail_with_both_parts(
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
    process: Process,
    settings: Any,
) -> None:
    configure(settings, from_email="Küche <kitchen@example.com>")
    body = "Hi Bob,\n\nyour code is <7 & 8>.\n.\n  مرحبا שלום\nBye"
    notification = make_due(email, title="Frühstück 🍳", body=body)
    assert f"{SENT}\n" in process()
    [received] = mail_server.received
    assert received["Subject"] == "Frühstück 🍳"
    assert received["From"] == "Küche <kitchen@example.com>"
    assert received["To"] == EGGS
    assert received["Message-ID"] == f"<{notification.pk}@example.com>"
    assert (received.envelope_from, received.envelope_to) == ("kitchen@example.com", [EGGS])
    assert received.get_content_type() == "multipart/alternative"
    assert plain(received.text) == body
    assert plain(received.html) == (
        '<div dir="auto">Hi Bob,<br>\n<br>\nyour code is &lt;7 &amp; 8&gt;.<br>\n.<br>\n'
        "  مرحبا שלום<br>\nBye</div>"
    )
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED
    assert notification.provider_message_id == received["Message-ID"]
    wait_until_closed(mail_server)


def test_html_goes_out_with_a_text_part(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue
) -> None:
    body = '<p>Hi Bob, <a href="https://example.com/ü">look</a></p>'
    make_due(email, body=body)
    run()
    [received] = mail_server.received
    assert plain(received.html) == body
    assert plain(received.text) == "Hi Bob, look <https://example.com/ü>"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("", ""),
        ("x" * 1_000_000, "x" * 1_000_000),
        ((("x" * 99 + "\n") * 10_000).strip(), (("x" * 99 + "\n") * 10_000).strip()),
        ("<p>" + "word " * 200_000, None),
        ("<div><table><tr>broken <b", "broken"),
        ("\u202eright to left\u202c", "\u202eright to left\u202c"),
    ],
    ids=["empty", "one long line", "many lines", "long html", "broken html", "right to left"],
)
def test_a_body_of_any_kind_goes_out(
    body: str,
    text: str | None,
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
) -> None:
    assert after_run(make_due(email, body=body)).response == SENT
    [received] = mail_server.received
    if text is not None:
        assert plain(received.text) == text


@pytest.mark.skipif(connection.vendor == "postgresql", reason="PostgreSQL stores no NUL")
def test_a_body_with_nul_goes_out_without(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(email, title="With\x00out", body="lorem \x00ipsum")
    run()
    [received] = mail_server.received
    assert (received["Subject"], plain(received.text)) == ("Without", "lorem ipsum")
    assert b"\x00" not in received.raw


def test_extra_reaches_those_in_copy_and_brings_files(
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    tmp_path: Path,
) -> None:
    settings.MEDIA_ROOT = tmp_path
    storages["default"].save("bills/rechnung-ü.pdf", ContentFile(b"%PDF \x00\xff"))
    make_due(
        email,
        extra={
            "cc": ["ham@example.com"],
            "bcc": "archive@example.com",
            "reply_to": ["help@example.com"],
            "headers": {"X-Campaign": "spring", "Message-ID": "<mine@example.com>"},
            "attachments": ["bills/rechnung-ü.pdf"],
        },
    )
    run()
    [received] = mail_server.received
    assert received.envelope_to == [EGGS, "ham@example.com", "archive@example.com"]
    assert (received["Cc"], received["Bcc"]) == ("ham@example.com", None)
    assert (received["Reply-To"], received["X-Campaign"]) == ("help@example.com", "spring")
    assert received.get_all("Message-ID") == ["<mine@example.com>"]
    [attachment] = received.iter_attachments()
    assert attachment.get_filename() == "rechnung-ü.pdf"
    assert attachment.get_content() == b"%PDF \x00\xff"


def test_a_template_is_rendered_with_extra_at_delivery(
    mail_server: SmtpStandIn, user: Any, email: TargetUserRecord, make_due: MakeDue
) -> None:
    make_due(email, body="", extra={"template_name": "mail/welcome.html", "dish": "ham"})
    user.first_name = "Ham"
    user.save()
    run()
    [received] = mail_server.received
    assert "<p>Hello Ham, you ordered ham.</p>" in received.html


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"title": "A\nBcc: all@example.com"}, "the title has a line break"),
        ({"body": "", "extra": {"template_name": "deleted.html"}}, "template 'deleted.html'"),
        ({"extra": {"attachments": ["gone.pdf"]}}, "'gone.pdf' is not in the default storage"),
        ({"extra": {"cc": {"a": 1}}}, "extra['cc']"),
        ({"extra": {"cc": ["no address, at all"]}}, "ValueError"),
        ({"extra": {"headers": {"X-A": "b\nc"}}}, "extra['headers']['X-A']"),
    ],
)
def test_what_makes_no_mail_fails_with_its_reason_and_holds_up_nothing(
    fields: dict[str, Any],
    said: str,
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    tmp_path: Path,
) -> None:
    settings.MEDIA_ROOT = tmp_path
    bad = make_due(email, **fields)
    good = make_due(email)
    run()
    bad.refresh_from_db()
    good.refresh_from_db()
    assert bad.status == Notification.DELIVERY_FAILURE
    assert bad.response.startswith("Email could not be sent: ")
    assert said in bad.response
    assert good.status == Notification.DELIVERED


@pytest.mark.parametrize("extra", [None, [], ["cc"], "text", 5])
def test_an_extra_that_is_no_object_is_no_obstacle(
    extra: Any, mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue
) -> None:
    assert after_run(make_due(email, extra=extra)).response == SENT


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


FAULTS: list[Any] = [
    ("RCPT", "550 5.1.1 No such user", "DELIVERY FAILURE", f"{EGGS}: 550 5.1.1 No such user"),
    ("RCPT", "450 4.2.1 Try later", "RETRY", f"{EGGS}: 450 4.2.1 Try later"),
    ("RCPT", "421 4.7.0 Too busy", "RETRY", "421 4.7.0 Too busy"),
    ("RCPT", DROP, "RETRY", "SMTPServerDisconnected"),
    ("MAIL", "550 5.7.1 Sender refused", "DELIVERY FAILURE", "550 5.7.1 Sender refused"),
    ("MAIL", "451 4.3.0 Try later", "RETRY", "451 4.3.0 Try later"),
    ("MAIL", "421 4.3.2 Closing", "RETRY", "421 4.3.2 Closing"),
    ("DATA", "554 5.5.1 No recipients", "DELIVERY FAILURE", "554 5.5.1 No recipients"),
    ("DATA", DROP, "RETRY", "SMTPServerDisconnected"),
    ("MESSAGE", "554 5.7.1 Looks like spam", "DELIVERY FAILURE", "554 5.7.1 Looks like spam"),
    ("MESSAGE", "452 4.3.1 Disk full", "RETRY", "452 4.3.1 Disk full"),
    ("MESSAGE", "421 4.3.2 Closing", "RETRY", "421 4.3.2 Closing"),
    ("CONNECT", "554 5.3.2 Not here", "RETRY", "554 5.3.2 Not here"),
    ("CONNECT", "421 4.7.0 Too many connections", "RETRY", "421 4.7.0 Too many connections"),
    ("CONNECT", DROP, "RETRY", "SMTPServerDisconnected"),
]


@pytest.mark.parametrize(("command", "reply", "status", "said"), FAULTS)
def test_each_refusal_has_its_outcome_and_the_next_message_goes_out(
    command: Any,
    reply: str,
    status: str,
    said: str,
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    # At most once: what is certain not to have gone out is retried all the same.
    configure(settings, connections=1, when_unknown="fail")
    mail_server.answer(command, reply, times=1)
    notification = make_due(email, body="planted-body")
    following = [make_due(email, title=f"Number {number}") for number in range(3)]
    run()
    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == (status, 1)
    assert notification.response.startswith("Email could not be sent: ")
    assert said in notification.response
    assert "planted-body" not in notification.response
    if reply.startswith("550"):
        assert mail_server.connections == 1
    assert [received["Subject"] for received in mail_server.received] == [
        notification.title for notification in following
    ]


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
    assert time.monotonic() - started < 4


def test_a_server_that_does_not_greet_in_time_is_tried_again(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    use_backend(settings, host=mail_server.host, port=mail_server.port, timeout=0.2)
    configure(settings, timeout=60, when_unknown="fail")
    mail_server.answer("CONNECT", delay=30)
    started = time.monotonic()
    assert after_run(make_due(email)).status == Notification.RETRY
    assert time.monotonic() - started < 4


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
    assert after_run(make_due(email)).status == Notification.RETRY
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
    assert notification.status == Notification.DELIVERY_FAILURE
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


@pytest.mark.parametrize("backend", ["no.such.Backend", "tests.mail_backends.NoSuchBackend"])
def test_a_backend_that_does_not_import_stops_the_target_and_burns_no_attempt(
    backend: str, email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    use_backend(settings, backend)
    notification = make_due(email)
    assert "make no connection" in run().problems["Email"]
    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == ("SCHEDULED", 0)


@pytest.fixture
def closed_port(settings: Any) -> int:
    """A port that nobody listens on, to which the settings point."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    use_backend(settings, host="127.0.0.1", port=port)
    return port


def test_send_notification_answers_as_in_1_5_3(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(email)
    assert handler.send_notification(notification) == SENT
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED
    assert notification.attempted_delivery is not None


def test_send_notification_gives_up_after_max_retries(
    closed_port: int, email: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(email, max_retries=3)
    for attempt in range(1, 4):
        response = handler.send_notification(notification)
        assert response.startswith("Email could not be sent: ConnectionRefusedError")
        notification.refresh_from_db()
        assert notification.retry_attempts == attempt
        assert notification.status == ("RETRY" if attempt < 3 else "DELIVERY FAILURE")


def test_send_notification_says_that_the_target_is_unavailable(
    email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    use_backend(settings, "no.such.Backend")
    with pytest.raises(TargetUnavailable):
        handler.send_notification(make_due(email))


def test_the_test_outbox_of_django_works(email: TargetUserRecord, make_due: MakeDue) -> None:
    notifications = [make_due(email, title=f"Number {number}") for number in range(3)]
    assert not run().problems
    assert [message.subject for message in mail.outbox] == [each.title for each in notifications]


def test_djangos_file_backend_gets_one_connection(
    email: TargetUserRecord, make_due: MakeDue, settings: Any, tmp_path: Path
) -> None:
    use_backend(
        settings, "django.core.mail.backends.filebased.EmailBackend", file_path=str(tmp_path)
    )
    for number in range(5):
        make_due(email, title=f"Number {number}")
    run()
    [file] = tmp_path.iterdir()
    assert file.read_text().count("Subject: Number") == 5


def test_a_third_partys_backend_is_kept_open_in_some_threads(
    third_party: type[ThirdParty], email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    configure(settings, connections=2)
    for number in range(10):
        make_due(email, title=f"Number {number}")
    run()
    assert len(third_party.sent) == 10
    assert 1 <= third_party.opened <= 2
    assert third_party.closed == third_party.opened
    assert "MainThread" not in third_party.threads


def test_messages_are_built_in_the_thread_that_calls(
    third_party: type[ThirdParty],
    email: TargetUserRecord,
    make_due: MakeDue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def where_am_i(self: Any) -> str:
        return threading.current_thread().name

    monkeypatch.setattr(get_user_model(), "where_am_i", where_am_i, raising=False)
    for number in range(5):
        make_due(email, title=f"{number}", body="", extra={"template_name": "mail/thread.txt"})
    run()
    assert {message.body.strip() for message in third_party.sent} == {"MainThread"}


@pytest.mark.skipif(connection.vendor == "sqlite", reason="Django keeps SQLite in memory open")
def test_what_a_third_partys_backend_opens_in_the_database_is_closed(
    third_party: type[ThirdParty],
    email: TargetUserRecord,
    make_due: MakeDue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = []

    def send_messages(self: Any, messages: Any) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        opened.append(connections["default"])
        return 1

    monkeypatch.setattr(third_party, "send_messages", send_messages)
    make_due(email)
    run()
    [wrapper] = opened
    assert wrapper is not connections["default"]
    assert wrapper.connection is None


@pytest.mark.parametrize(
    ("raises", "status", "said"),
    [
        (RuntimeError("quota\nused up"), "RETRY", "RuntimeError: quota used up"),
        (ValueError("not so"), "RETRY", "ValueError: not so"),
        (ConnectionRefusedError("no"), "RETRY", "ConnectionRefusedError: no"),
        (smtplib.SMTPServerDisconnected("gone"), "DELIVERY FAILURE", "it went out, or it did not"),
        (TimeoutError("too long"), "DELIVERY FAILURE", "it went out, or it did not"),
        (smtplib.SMTPDataError(554, b"spam"), "DELIVERY FAILURE", "554 spam"),
    ],
)
def test_what_a_third_partys_backend_raises_is_the_response(
    raises: Exception,
    status: str,
    said: str,
    third_party: type[ThirdParty],
    email: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    configure(settings, when_unknown="fail")
    third_party.raises = raises
    notification = after_run(make_due(email))
    assert notification.status == status
    assert said in notification.response


@pytest.mark.parametrize(
    ("returns", "status"), [(0, "RETRY"), (None, "DELIVERED"), ([object()], "DELIVERED")]
)
def test_a_backend_that_sends_nothing_and_says_nothing_is_found_out(
    returns: Any,
    status: str,
    third_party: type[ThirdParty],
    email: TargetUserRecord,
    make_due: MakeDue,
) -> None:
    third_party.returns = returns
    notification = after_run(make_due(email))
    assert notification.status == status
    if returns == 0:
        assert f"{THIRD_PARTY} sent nothing" in notification.response


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


@pytest.mark.filterwarnings("ignore:The EMAIL_")
def test_the_email_settings_work_on_every_django(
    email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    with SmtpStandIn() as server:
        use_email_settings(settings, SMTP, host=server.host, port=server.port)
        assert after_run(make_due(email)).response == SENT
        assert len(server.received) == 1


@pytest.mark.skipif(not HAS_MAILERS, reason="from Django 6.1")
def test_mailers_without_a_default_stop_the_target(
    email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    settings.MAILERS = {}
    make_due(email)
    assert "MAILERS" in run().problems["Email"]


def test_the_stand_in_tells_what_it_took(mail_server: SmtpStandIn) -> None:
    shown: list[ReceivedEmail] = []
    with SmtpStandIn(on_message=shown.append) as server:
        with smtplib.SMTP(server.host, server.port) as client:
            client.login("anybody", "anything")
            client.sendmail("a@example.com", [EGGS], b"Subject: Hi\r\n\r\nlorem\r\n")
        assert server.port != mail_server.port
    assert [(each["Subject"], each.connection) for each in shown] == [("Hi", 1)]


def test_the_stand_in_names_the_extra_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiosmtpd", None)
    monkeypatch.setitem(sys.modules, "aiosmtpd.controller", None)
    monkeypatch.delitem(sys.modules, "django_notification_system.testing.smtp")
    with pytest.raises(ImportError, match=r"\[testing\]"):
        import django_notification_system.testing.smtp  # noqa: F401
