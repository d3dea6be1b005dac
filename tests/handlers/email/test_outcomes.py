"""Each row of the table of email's faults, on a real socket: what a mail server says."""

import http.server
import smtplib
import socket
import threading
import time
from datetime import timedelta
from typing import Any

import pytest

from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.notification_handlers import email as handler
from django_notification_system.notification_handlers.email.connection import Stage
from django_notification_system.notification_handlers.email.faults import FAULTS, classify
from django_notification_system.notification_handlers.email.trouble import Trouble, trouble_of_error
from django_notification_system.notification_handlers.faults import Verdict
from django_notification_system.testing.mail_servers import SUBMISSION_RATE
from django_notification_system.testing.smtp import DROP, SmtpStandIn
from tests.conftest import MakeDue
from tests.support.cases import one_of_each
from tests.support.email_faults import (
    TIMEOUT,
    Prove,
    at_most_once,
    prove,
    proves,
    use_server,
)
from tests.support.email_support import EGGS, after_run, configure, run
from tests.support.mail_backends import SMTP, use_backend
from tests.support.ports import refusing_port
from tests.support.provider_support import PATIENCE_SECONDS
from tests.support.raw_server import RawServer, Talk, at, reset, say, stop_writing, wait

__all__ = ["at_most_once", "prove"]  # fixtures


def test_each_row_is_proved_by_a_test_that_names_it() -> None:
    proves.check()


# --- What the server says -------------------------------------------------------------------

#: The row, the command, and what the server answers to it.
ANSWERS: list[tuple[str, Any, str]] = [
    ("refused at once", "CONNECT", "421 4.7.0 Too many connections"),
    ("refused at once", "CONNECT", "554 5.3.2 No mail here"),
    ("closed at once", "CONNECT", DROP),
    ("closing before a message", "MAIL", "421 4.3.2 Closing"),
    ("lost before a message", "MAIL", DROP),
    ("closing in the middle", "RCPT", "421 4.7.0 Too busy"),
    ("closing in the middle", "DATA", "421 4.7.0 Too busy"),
    ("closing in the middle", "MESSAGE", "421 4.3.2 Closing"),
    ("greylisted", "RCPT", "450 4.7.1 Greylisted, come back in 300 seconds"),
    ("too fast", "RCPT", "451 4.7.650 The mail server has been temporarily rate limited"),
    ("too fast", "MAIL", "450 4.7.1 Error: too much mail from 127.0.0.1"),
    ("too fast", "MESSAGE", "451 4.7.500 Server busy. Please try again later"),
    ("too many connections", "MESSAGE", "432 4.3.2 Concurrent connections limit exceeded"),
    ("connections in words", "MESSAGE", "451 4.3.2 STOREDRV; sender thread limit exceeded"),
    ("connections in words", "MAIL", "450 4.7.0 Too many concurrent connections"),
    ("submission rate", "MAIL", SUBMISSION_RATE),
    ("submission rate", "RCPT", SUBMISSION_RATE),
    ("throttled", "MESSAGE", "454 Throttling failure: Daily message quota exceeded."),
    ("takes no mail now", "RCPT", "451 4.3.2 Not now"),
    ("recipient's server away", "RCPT", "451 4.4.1 No answer from host"),
    ("recipient's server away", "RCPT", "421 4.4.2 Connection to host lost"),
    ("mailbox full for now", "RCPT", "452 4.2.2 Over quota"),
    ("out of space", "MESSAGE", "452 4.3.1 Disk full"),
    ("out of space", "RCPT", "452 Too many recipients"),
    ("refused for now", "RCPT", "450 4.2.1 Mailbox busy"),
    ("refused for now", "MAIL", "451 4.3.0 Try later"),
    ("refused for now", "RCPT", "450 5.1.1 Between two minds"),
    ("no such mailbox", "RCPT", "550 5.1.1 No such user"),
    ("no such mailbox", "RCPT", "550 sorry, no mailbox here by that name (#5.1.1)"),
    ("no such mailbox", "RCPT", "551 5.1.6 Moved away"),
    ("no such domain", "RCPT", "550 5.1.2 No such host"),
    ("no such domain", "RCPT", "556 5.1.10 Takes no mail"),
    ("no address", "RCPT", "553 5.1.3 Bad address syntax"),
    ("mailbox disabled", "RCPT", "550 5.2.1 The account is disabled"),
    ("mailbox full", "RCPT", "552 5.2.2 Over quota"),
    ("mailbox full", "MESSAGE", "552 5.2.2 Over quota"),
    ("too big", "MAIL", "552 5.3.4 Message too big"),
    ("too big", "MESSAGE", "552 5.2.3 Message too big"),
    ("no space for it", "MESSAGE", "552 Exceeded storage allocation"),
    ("cannot carry it", "MAIL", "550 5.6.7 No SMTPUTF8"),
    ("parameters refused", "MAIL", "555 5.5.4 What?"),
    ("sender refused", "MAIL", "553 5.7.1 Sender refused"),
    ("sender refused", "MAIL", "550 No"),
    ("sender refused for recipient", "RCPT", "553 5.7.1 Sender address rejected: not owned"),
    ("policy", "RCPT", "554 5.7.1 Listed"),
    ("policy", "MESSAGE", "550 5.7.26 Fails DMARC"),
    ("sender's address refused", "MAIL", "553 5.1.8 No such sender"),
    ("sender's address refused", "RCPT", "550 5.1.7 Bad sender"),
    ("transaction failed", "DATA", "554 5.5.1 No recipients"),
    ("transaction failed", "MESSAGE", "554 Looks like spam"),
    ("refused", "RCPT", "550 No"),
    ("sender's address refused", "RCPT", "550 5.1.8 No such sender"),
    ("refused", "MESSAGE", "550 5.1.1 Which of them?"),
    ("lost in the middle", "RCPT", DROP),
    ("lost in the middle", "DATA", DROP),
    ("lost after handing over", "MESSAGE", DROP),
    ("credentials refused", "MAIL", "530 5.7.0 Authentication required"),
    ("credentials refused", "RCPT", "530 5.7.0 Authentication required"),
]
proves(*(name for name, _, _ in ANSWERS))
PLAIN, PIPELINING = "plain", "pipelining"
#: The rows that stop or pause the target, with tests of their own.
STOPPING = {fault.name for fault in FAULTS if fault.verdict in (Verdict.STOPS, Verdict.BUSY)}


def kind_of_reply(case: tuple[str, Any, str]) -> tuple[Any, str]:
    """Return all that the conversation goes by: the command, and how the reply is taken."""
    _, command, reply = case
    is_special = reply == DROP or reply.startswith("421")  # the server closes the connection
    return command, reply[:3] if is_special else reply[:1]


def kind_of_going_on(case: tuple[str, Any, str]) -> tuple[Any, str, Verdict]:
    """Return the kind of a reply, with what comes of it."""
    [verdict] = [fault.verdict for fault in FAULTS if fault.name == case[0]]
    return *kind_of_reply(case), verdict


@pytest.fixture
def either_server(
    request: pytest.FixtureRequest, mail_server: SmtpStandIn, settings: Any
) -> SmtpStandIn:
    """A mail server without PIPELINING, and one with, under Django's own backend."""
    mail_server.pipelining = request.param == PIPELINING
    use_server(settings, mail_server, backend=SMTP, timeout=20)
    return mail_server


#: Words and codes are read alike on both ways, so that by day one of each kind takes the second.
@pytest.mark.parametrize(
    ("either_server", "name", "command", "reply"),
    [(PLAIN, *each) for each in ANSWERS]
    + [(PIPELINING, *each) for each in one_of_each(ANSWERS, kind_of_reply)],
    indirect=["either_server"],
)
def test_each_answer_has_its_row(
    name: str, command: Any, reply: str, either_server: SmtpStandIn, prove: Prove
) -> None:
    mail_server = either_server
    mail_server.answer(command, reply)
    prove(name)
    assert not mail_server.received


@pytest.mark.parametrize("either_server", [PLAIN, PIPELINING], indirect=True)
@pytest.mark.parametrize(
    ("name", "command", "reply"),
    one_of_each([each for each in ANSWERS if each[0] not in STOPPING], kind_of_going_on),
)
def test_the_next_messages_go_out(
    name: str,
    command: Any,
    reply: str,
    either_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
) -> None:
    mail_server = either_server
    mail_server.answer(command, reply, times=1)
    notification = make_due(email)
    following = [make_due(email, title=f"Number {number}") for number in range(3)]
    run()
    notification.refresh_from_db()
    if reply != DROP:
        assert reply in notification.response
    if command == "RCPT" and reply[0] == "5":
        assert mail_server.connections == 1
    assert [received["Subject"] for received in mail_server.received] == [
        each.title for each in following
    ]


def test_what_went_out_keeps_its_message_id_at_each_attempt(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    configure(settings, connections=1)
    notification = make_due(email, retry_time_interval=0)
    with RawServer(at("MESSAGE", reset)) as server:
        use_server(settings, server)
        lost = after_run(notification)
    # A provider may still report on the message, by this name.
    assert (lost.status, lost.provider_message_id) == ("RETRY", f"<{notification.pk}@localhost>")
    use_server(settings, mail_server)
    assert after_run(notification).status == "DELIVERED"
    notification.status = "RETRY"
    notification.save()
    run()
    first, second = mail_server.received
    assert first["Message-ID"] == second["Message-ID"] == f"<{notification.pk}@localhost>"


@pytest.mark.parametrize(
    ("reply", "bounces", "active", "status"),
    [
        ("550 5.1.1 No such user", 3, False, "INACTIVE DEVICE"),
        ("552 5.2.2 Over quota", 0, True, "DELIVERY FAILURE"),
        ("550 5.7.1 Listed", 0, True, "DELIVERY FAILURE"),
        ("550 No", 0, True, "DELIVERY FAILURE"),
    ],
)
def test_an_address_is_switched_off_after_as_many_hard_bounces_as_the_settings_say(
    reply: str,
    bounces: int,
    active: bool,
    status: str,
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
) -> None:
    mail_server.answer("RCPT", reply)
    assert after_run(make_due(email)).status == "DELIVERY FAILURE"
    assert after_run(make_due(email, title="Second")).status == "DELIVERY FAILURE"
    assert after_run(make_due(email, title="Third")).status == status
    email.refresh_from_db()
    assert (email.hard_bounces, email.active) == (bounces, active)


def test_only_what_is_said_of_the_records_own_address_counts_as_a_hard_bounce(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue
) -> None:
    said = smtplib.SMTPRecipientsRefused({EGGS: (450, b"4.2.1 Busy"), "b@c": (550, b"5.1.1 No")})
    assert classify(trouble_of_error(said, Stage.ENVELOPE, EGGS)).name == "refused for now"
    assert classify(trouble_of_error(said, Stage.ENVELOPE, "b@c")).name == "no such mailbox"
    mail_server.answer("RCPT", "550 5.1.1 No such user", recipient="ham@example.com")
    mail_server.answer("RCPT", "450 4.2.1 Busy", recipient=EGGS)
    notification = after_run(make_due(email, extra={"cc": ["ham@example.com"]}))
    assert notification.status == Notification.RETRY


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("5.1.1 No such user", "5.1.1"),
        ("5.1.10 No mail", "5.1.10"),
        ("5.1.1", "5.1.1"),
        ("5.7.509\nAccess denied", "5.7.509"),
        ("no mailbox here by that name (#5.1.1)", "5.1.1"),
        ("5.1.1.1 is no status", ""),
        ("3.1.1 neither", ""),
        ("see version 5.1.1 of the rules", ""),
        ("<egg@example.com>: 5.1.1 in the middle is not where it belongs", ""),
        ("", ""),
    ],
)
def test_an_enhanced_status_code_is_read_where_it_belongs(text: str, status: str) -> None:
    assert Trouble(Exception(), Stage.ENVELOPE, 550, text).status == status


# --- When it breaks off ---------------------------------------------------------------------


def drip(text: str, octets: int = 1) -> Talk:
    """Return what writes a text slowly: too long as a whole, never silent for as long."""

    def then(connection: socket.socket) -> None:
        for start in range(0, len(text), octets):
            connection.sendall(text[start : start + octets].encode())
            time.sleep(TIMEOUT / 5)
        wait(connection)

    return then


ENDLESS = "250-and more\r\n" * 1000
BREAKS: list[tuple[str, str, Talk]] = [
    ("closed at once", "CONNECT", reset),
    ("closed at once", "CONNECT", wait),
    ("closed at once", "CONNECT", stop_writing),
    ("closed at once", "CONNECT", drip("220 localhost ESMTP\r\n")),
    ("no mail server", "CONNECT", say("HTTP/1.1 400 Bad Request\r\n\r\n")),
    ("no mail server", "CONNECT", say("220 " + "x" * 10_000 + "\r\n")),
    ("no mail server", "MAIL", say("what?\r\n")),
    ("lost before a message", "EHLO", reset),
    ("lost before a message", "EHLO", drip("250 " + "localhost" * 10 + "\r\n")),
    ("lost before a message", "MAIL", stop_writing),
    ("greeting refused", "EHLO", say("550 Not you\r\n550 Not you\r\n")),
    ("lost in the middle", "RCPT", wait),
    ("lost in the middle", "RCPT", drip(ENDLESS, len("250-and more\r\n"))),
    ("lost in the middle", "DATA", reset),
    ("lost in the middle", "DATA", stop_writing),
    ("lost in the middle", "DATA", say("what?\r\n")),
    ("lost in the middle", "DATA", say("354 " + "x" * 10_000 + "\r\n")),
    ("lost after handing over", "MESSAGE", reset),
    ("lost after handing over", "MESSAGE", stop_writing),
    ("lost after handing over", "MESSAGE", wait),
    ("lost after handing over", "MESSAGE", drip("250 2.0.0 Taken, thank you\r\n")),
    ("lost after handing over", "MESSAGE", say("what?\r\n")),
    ("lost after handing over", "MESSAGE", say("250 " + "x" * 10_000 + "\r\n")),
]
proves(*(name for name, _, _ in BREAKS))


@pytest.mark.parametrize(("name", "command", "then"), BREAKS)
def test_each_way_to_break_off_has_its_row(
    name: str, command: str, then: Talk, settings: Any, prove: Prove
) -> None:
    with RawServer(at(command, then)) as server:
        use_server(settings, server, timeout=TIMEOUT)
        started = time.monotonic()
        prove(name)
        assert time.monotonic() - started < 100  # the longest drip takes three hundred
        assert server.connections == 1


@proves("no mail server", "closed at once")
@pytest.mark.parametrize("greets", [True, False])
def test_a_web_server_is_no_mail_server(greets: bool, settings: Any, prove: Prove) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def handle(self) -> None:
            if greets:
                self.raw_requestline, self.requestline, self.command = b"", "", ""
                self.request_version = "HTTP/1.1"
                self.send_error(408)
            else:
                super().handle()

        def log_message(self, *arguments: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        timeout = PATIENCE_SECONDS if greets else TIMEOUT
        use_backend(settings, host="127.0.0.1", port=server.server_port, timeout=timeout)
        prove("no mail server" if greets else "closed at once")
        server.shutdown()
        thread.join()


@proves("no connection")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "no-such-host.invalid"])
def test_a_server_that_is_not_there_is_out_of_reach(host: str, settings: Any, prove: Prove) -> None:
    with refusing_port(host) as port:
        use_backend(settings, host=host, port=port, timeout=TIMEOUT)
        prove("no connection")


@proves("settings make no connection")
@pytest.mark.parametrize(
    "options",
    [{"host": "x" * 70 + ".example.com"}, {"username": "ü", "password": "ü"}],
    ids=["host", "user"],
)
def test_settings_that_cannot_be_stop_the_target(
    options: dict[str, str], mail_server: SmtpStandIn, settings: Any, prove: Prove
) -> None:
    use_server(settings, mail_server, **options)
    prove("settings make no connection")


def test_only_a_server_out_of_reach_is_called_unreachable(
    mail_server: SmtpStandIn, email: TargetUserRecord, make_due: MakeDue
) -> None:
    mail_server.answer("CONNECT", "421 4.3.2 Closing", times=1)
    mail_server.answer("RCPT", "450 4.2.1 Busy")
    notifications = [make_due(email, title=f"Number {number}") for number in range(2)]
    outcomes = list(handler.deliver(notifications))
    assert [outcome.unreachable for outcome in outcomes] == [True, False]


@pytest.mark.parametrize(("values", "minutes"), [({}, 30), ({"transient_interval": None}, 1440)])
def test_a_mail_that_is_greylisted_is_tried_again_after_half_an_hour(
    mail_server: SmtpStandIn,
    email: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    values: dict[str, Any],
    minutes: int,
) -> None:
    configure(settings, connections=1, **values)
    mail_server.answer("RCPT", "450 4.7.1 Greylisted, come back later")
    notification = make_due(email, retry_time_interval=1440)
    run()
    notification.refresh_from_db()
    assert notification.attempted_delivery is not None
    wait = notification.scheduled_delivery - notification.attempted_delivery
    assert wait == timedelta(minutes=minutes)
