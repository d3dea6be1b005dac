"""``QueueBackend``: each mail is stored, and arrives as without the queue."""

import logging
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.message import MIMEPart
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.smtp import EmailBackend
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext, modify_settings
from django.utils import timezone

from django_notification_system import notify
from django_notification_system.categories import Category, known_categories
from django_notification_system.checks import check_settings
from django_notification_system.delivery.receipts.record import record_receipts
from django_notification_system.exceptions import InvalidNotification, TargetUnavailable
from django_notification_system.mail import QueueBackend
from django_notification_system.models import (
    AttachmentContent,
    Notification,
    NotificationAttachment,
    NotificationOptOut,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_creators import queue_mail
from django_notification_system.outcome import Receipt, ReceiptResult
from django_notification_system.preferences import suppress
from django_notification_system.testing import Outbox
from django_notification_system.testing.smtp import ReceivedEmail, SmtpStandIn
from tests.settings import TEST_DATABASE
from tests.support.email_support import run
from tests.support.mail_backends import HAS_MAILERS, ThirdParty, use_backend
from tests.support.mail_shapes import (
    HAS_PARTS,
    SHAPES,
    Shouting,
    anymail_attributes,
    picture,
    plain,
    rich,
)
from tests.support.runs import in_real_transactions

QUEUE = "django_notification_system.mail.QueueBackend"
THIRD_PARTY = "tests.support.mail_backends.ThirdParty"
LOCMEM = "django.core.mail.backends.locmem.EmailBackend"
MESSAGE = "django_notification_system.mail"
#: Filled anew for each mail: the moment, the message's name, and the boundaries between parts.
DATE = re.compile(rb"^Date: .*?\r\n(?=\S)", re.MULTILINE)
MESSAGE_ID = re.compile(rb"^Message-ID:\s+<[^>]*>", re.MULTILINE)
BOUNDARY = re.compile(rb"={15}\d{10,20}==")


def without_chance(raw: bytes) -> bytes:
    boundaries: dict[bytes, bytes] = {}
    raw = BOUNDARY.sub(
        lambda found: boundaries.setdefault(found[0], b"boundary-%d" % len(boundaries)), raw
    )
    return MESSAGE_ID.sub(b"Message-ID: <one>", DATE.sub(b"", raw, count=1), count=1)


def queue(*messages: EmailMessage, **options: Any) -> int:
    return QueueBackend(**options).send_messages(list(messages))


def sent_directly(server: SmtpStandIn, message: EmailMessage) -> ReceivedEmail:
    if HAS_MAILERS:
        from django.core.mail import mailers

        backend = mailers.default
    else:
        backend = get_connection()
    assert isinstance(backend, EmailBackend)
    assert backend.send_messages([message]) == 1
    return server.received.pop()


@pytest.mark.django_db
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_mail_arrives_as_without_the_queue(
    shape: Callable[[], EmailMessage], mail_server: SmtpStandIn
) -> None:
    expected = sent_directly(mail_server, shape())
    assert queue(shape()) == 1
    run()
    notification = Notification.objects.get()
    assert (notification.status, notification.response) == (
        "DELIVERED",
        "Email Successfully Sent",
    )
    [received] = mail_server.received
    assert (received.envelope_from, received.envelope_to) == (
        expected.envelope_from,
        expected.envelope_to,
    )
    assert without_chance(received.raw) == without_chance(expected.raw)


# Storing


@pytest.mark.django_db
def test_only_messages_with_recipients_are_counted() -> None:
    assert queue(plain(), plain(to=[]), rich()) == 2
    assert Notification.objects.count() == 2
    assert queue() == 0


@pytest.mark.django_db
def test_two_equal_mails_are_two_mails() -> None:
    assert queue(plain(), plain()) == 2
    assert Notification.objects.count() == 2


@pytest.mark.django_db
def test_a_mail_is_found_by_its_first_recipients_address() -> None:
    queue(plain(to=["Ann Lee <Ann@Example.com>", "bob@example.com"]), plain(to=["ann@example.com"]))
    record = TargetUserRecord.objects.get()
    assert (record.target_user_id, record.user, record.origin) == (
        "Ann@Example.com",
        None,
        "QUEUED MAIL",
    )
    assert record.notifications.count() == 2


@pytest.mark.django_db
def test_the_list_has_a_short_subject() -> None:
    subject = "A long subject, " * 20
    queue(plain(subject=subject), plain(subject=""))
    long, empty = Notification.objects.order_by("created_date", "pk")
    assert (len(long.title), long.title[-1]) == (100, "…")
    assert long.extra is not None
    assert long.extra[MESSAGE]["subject"] == subject
    assert empty.title == "(no subject)"


@pytest.mark.django_db
def test_what_is_rolled_back_is_not_sent() -> None:
    with transaction.atomic():
        assert queue(plain()) == 1
        transaction.set_rollback(True)
    assert not Notification.objects.exists()
    assert not TargetUserRecord.objects.exists()


@pytest.mark.django_db
@pytest.mark.skipif(TEST_DATABASE == "sqlite", reason="some have few parameters in a statement")
def test_a_thousand_mails_take_ten_queries() -> None:
    messages = [plain(to=[f"user-{number}@example.com"]) for number in range(1000)]
    for message in messages:
        message.attach("terms.pdf", b"%PDF", "application/pdf")
    with CaptureQueriesContext(connection) as captured:
        assert queue(*messages) == 1000
    assert len(captured) <= 10
    assert AttachmentContent.objects.count() == 1


@pytest.mark.django_db
def test_many_long_mails_are_stored_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_mail, "STATEMENT_SIZE", 100_000)
    with CaptureQueriesContext(connection) as captured:
        queue(*[plain(body="ä" * 20_000) for _ in range(10)])
    inserts = [
        each
        for each in captured
        if each["sql"].lstrip().startswith("INSERT INTO")
        and "notification_system_notification" in each["sql"]
    ]
    assert len(inserts) == 5


@pytest.mark.django_db
def test_a_picture_with_another_id_in_each_mail_is_stored_once() -> None:
    for number in range(3):
        message = rich()
        message.attach(picture(f"logo-{number}@example.com"))
        queue(message)
    assert AttachmentContent.objects.count() == 1
    kinds = NotificationAttachment.objects.values_list("kind", "mimetype")
    assert list(kinds) == [("PART", "image/png")] * 3


@pytest.mark.django_db
def test_a_part_out_of_the_ordinary_is_stored_whole(mail_server: SmtpStandIn) -> None:
    if not HAS_PARTS:
        pytest.skip("Django 5.2 takes no MIMEPart")
    part = MIMEPart()
    part.set_content("text", cte="quoted-printable")
    message = plain()
    message.attach(part)
    queue(message)
    assert NotificationAttachment.objects.get().kind == "WHOLE PART"


@pytest.mark.django_db
def test_options_of_a_message() -> None:
    message: Any = plain()
    expires_at = timezone.now() + timedelta(hours=1)
    message.notification = {"priority": 5, "expires_at": expires_at, "idempotency_key": "reset-1"}
    queue(message)
    row = Notification.objects.get()
    assert (row.priority, row.expires_at, row.idempotency_key) == (5, expires_at, "reset-1")


@pytest.mark.django_db
def test_a_key_stores_a_message_once() -> None:
    for text in ("one", "two"):
        message: Any = plain(body=text)
        message.attach("a.txt", text, "text/plain")
        message.notification = {"idempotency_key": "invoice-17"}
        assert queue(message) == 1
    row = Notification.objects.get()
    assert row.body == "one"
    assert [bytes(file.content.data) for file in row.attachments.all()] == [b"one"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("now", "must be a dictionary"),
        ({"priorty": 1, "x": 2}, "has priorty, x; it may have category, expires_at"),
        ({"priority": 10}, "priority is 10"),
        ({"expires_at": "tomorrow"}, "expires_at must be a datetime"),
        ({"idempotency_key": ""}, "idempotency_key is empty"),
        ({"category": "unheard-of"}, "unheard-of"),
    ],
)
def test_a_wrong_option_is_refused(options: Any, said: str) -> None:
    message: Any = plain()
    message.notification = options
    with pytest.raises(InvalidNotification, match=said):
        queue(plain(), message)
    assert not Notification.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields",
    [
        {"subject": "a\nb"},
        {"headers": {"X-A": "1\r\nBcc: x@example.com"}},
        {"to": ["a@example.com\nb"]},
    ],
)
def test_a_line_break_in_a_header_is_refused_at_once(fields: Any) -> None:
    with pytest.raises(ValueError, match=r"(?i)newline|linefeed|line"):
        queue(plain(**fields))
    assert not Notification.objects.exists()


@pytest.mark.django_db
def test_attachments_above_the_limit_are_refused(settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"MAX_ATTACHMENTS_MB": 0.001}
    message = plain()
    message.attach("a.bin", b"x" * 2000, "application/zip")
    with pytest.raises(InvalidNotification, match="MAX_ATTACHMENTS_MB"):
        queue(message)


# Failing silently


@pytest.mark.django_db
def test_a_silent_failure_is_logged_without_the_text(caplog: pytest.LogCaptureFixture) -> None:
    bad: Any = plain(body="secret-link")
    bad.notification = {"nonsense": 1}
    with caplog.at_level(logging.DEBUG):
        assert queue(bad, plain(), fail_silently=True) == 1
    assert "could not be queued (InvalidNotification)" in caplog.text
    assert "secret-link" not in caplog.text
    assert Notification.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("fail_silently", [True, False])
def test_a_failing_database(fail_silently: bool) -> None:
    def fail(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.lstrip().startswith("INSERT INTO"):
            raise DatabaseError("no room")
        return execute(sql, *arguments)

    with transaction.atomic(), connection.execute_wrapper(fail):
        if fail_silently:
            assert queue(plain(), fail_silently=True) == 0
        else:
            with pytest.raises(DatabaseError):
                queue(plain())
    # The caller's transaction goes on.
    assert queue(plain()) == 1


@pytest.mark.parametrize("fail_silently", [True, False])
def test_without_the_app_the_error_says_where_to_add_it(fail_silently: bool) -> None:
    with (
        modify_settings(INSTALLED_APPS={"remove": "django_notification_system"}),
        pytest.raises(ImproperlyConfigured, match="to INSTALLED_APPS, and run 'migrate'"),
    ):
        QueueBackend(fail_silently=fail_silently).send_messages([plain()])


# What becomes of a mail


@pytest.fixture
def third_party(settings: Any) -> Iterator[Any]:
    """The backend of another package delivers."""
    ThirdParty.reset()
    use_backend(settings, THIRD_PARTY)
    yield ThirdParty
    ThirdParty.reset()


@pytest.mark.django_db
def test_attributes_of_anymail_arrive(third_party: Any) -> None:
    message = rich()
    for name, value in anymail_attributes().items():
        setattr(message, name, value)
    queue(message)
    run()
    [sent] = third_party.sent
    assert {name: getattr(sent, name) for name in anymail_attributes()} == anymail_attributes()


@pytest.mark.django_db
def test_an_attribute_of_anymail_that_is_no_json_is_refused() -> None:
    message: Any = plain()
    message.metadata = {"order": object()}
    with pytest.raises(InvalidNotification, match="attribute metadata cannot be stored"):
        queue(message)


@pytest.mark.django_db
def test_bytes_are_refused_where_the_backend_takes_none(third_party: Any) -> None:
    with pytest.raises(InvalidNotification, match=r"ThirdParty does not take\s+the bytes"):
        queue(Shouting("S", "s", "shop@example.com", ["ann@example.com"]))
    assert not Notification.objects.exists()


@pytest.mark.django_db
def test_a_refused_address_switches_no_record_off(mail_server: SmtpStandIn) -> None:
    mail_server.answer("RCPT", "550 5.1.1 No such user")
    queue(plain())
    run()
    record = TargetUserRecord.objects.get()
    assert (record.active, record.hard_bounces) == (True, 0)
    assert Notification.objects.get().status == "DELIVERY FAILURE"


@pytest.mark.django_db
def test_a_refused_sender_fails_that_mail_and_stops_no_other(mail_server: SmtpStandIn) -> None:
    queue(plain(from_email="Visitor <visitor@elsewhere.example>"))
    mail_server.answer("MAIL", "553 5.7.1 Sender address rejected: not owned by user", times=1)
    run()
    queue(plain(subject="The next"))
    run()

    assert Notification.objects.filter(status="DELIVERY FAILURE").count() == 1
    assert [mail["Subject"] for mail in mail_server.received] == ["The next"]


@pytest.mark.django_db
def test_a_bounce_reported_later_switches_no_record_off(mail_server: SmtpStandIn) -> None:
    queue(plain())
    run()
    row = Notification.objects.get()
    receipt = Receipt(
        provider_message_id=row.provider_message_id,
        provider_status="bounced",
        result=ReceiptResult.FAILED,
        hard_bounce=True,
        deactivate_record=True,
    )
    assert record_receipts("email", [receipt]) == 1
    row.refresh_from_db()
    assert row.status == "DELIVERY FAILURE"
    assert TargetUserRecord.objects.get().active


@pytest.mark.django_db
def test_an_opt_out_does_not_stop_a_mail(email: Any, mail_server: SmtpStandIn) -> None:
    NotificationOptOut.objects.create(user=email.user, active=True)
    TargetUserRecord.objects.update(active=False)
    queue(plain(to=[email.target_user_id]))
    run()
    assert Notification.objects.get().status == "DELIVERED"


@pytest.mark.django_db
def test_a_suppression_counts_where_the_mail_has_a_category(mail_server: SmtpStandIn) -> None:
    with known_categories(Category("news", label="News")):
        suppress("email", "ann@example.com", reason="complaint")
        message: Any = plain(subject="News")
        message.notification = {"category": "news"}
        queue(message, plain(subject="Reset"))
        run()
    assert [received["Subject"] for received in mail_server.received] == ["Reset"]
    assert Notification.objects.get(title="News").category == "news"


@pytest.mark.django_db
def test_one_refused_recipient_of_several_is_told_and_nobody_gets_a_second_copy(
    mail_server: SmtpStandIn,
) -> None:
    mail_server.answer("RCPT", "450 4.2.0 Later", recipient="a@example.com")
    queue(plain(to=["a@example.com", "b@example.com"]))
    run()
    row = Notification.objects.get()
    assert row.status == "DELIVERED"
    assert row.response.startswith("Email Successfully Sent, but not to a@example.com: 450")
    assert len(mail_server.received) == 1


@pytest.mark.django_db
def test_a_failed_mail_is_tried_again_with_the_same_name(mail_server: SmtpStandIn) -> None:
    mail_server.answer("MESSAGE", "451 4.3.0 Later", times=1)
    queue(plain())
    run()
    row = Notification.objects.get()
    assert (row.status, row.follows_retry_policy) == ("RETRY", True)
    Notification.objects.update(scheduled_delivery=timezone.now() - timedelta(seconds=1))
    run()
    [received] = mail_server.received
    assert received["Message-ID"] == f"<{row.pk}@example.com>"


@pytest.mark.django_db
def test_a_mail_without_its_message_fails(mail_server: SmtpStandIn) -> None:
    queue(plain())
    Notification.objects.update(extra={})
    run()
    row = Notification.objects.get()
    assert row.status == "DELIVERY FAILURE"
    assert "is gone. Send the mail anew." in row.response


@pytest.mark.django_db
def test_a_mail_without_its_bytes_fails_and_nothing_is_sent(mail_server: SmtpStandIn) -> None:
    queue(Shouting("S", "s", "shop@example.com", ["g@example.com"]))
    NotificationAttachment.objects.all().delete()
    run()
    row = Notification.objects.get()
    assert row.status == "DELIVERY FAILURE"
    assert "the stored message is gone" in row.response
    assert mail_server.received == []


@pytest.mark.django_db
def test_a_server_that_quotes_the_bytes_of_a_mail_is_not_repeated(mail_server: SmtpStandIn) -> None:
    queue(Shouting("S", "https://secret-link.example/", "shop@example.com", ["g@example.com"]))
    mail_server.answer("MESSAGE", "554 5.7.1 Refused because of https://secret-link.example/")
    run()
    response = Notification.objects.get().response
    assert "5.7.1 Refused" in response
    assert "secret-link" not in response.lower()


@pytest.mark.parametrize("arguments", [(True,), ()])
def test_a_backend_may_be_told_to_be_silent_as_djangos_are(arguments: tuple[bool, ...]) -> None:
    assert QueueBackend(*arguments).fail_silently is bool(arguments)


@pytest.mark.django_db
def test_the_output_and_the_log_have_no_text(
    process: Any, mail_server: SmtpStandIn, caplog: pytest.LogCaptureFixture
) -> None:
    queue(plain(body="https://secret-link"), rich(body="https://secret-link"))
    with caplog.at_level(logging.DEBUG):
        printed = process("--verbosity", "3")
    logged = [record.getMessage() for record in caplog.records if record.name != "mail.log"]
    assert "secret-link" not in "\n".join([printed, *logged])
    assert "ann@example.com - " in printed
    assert "Hello - …" in printed


@pytest.mark.django_db
def test_a_staging_site_writes_to_nobody_else(settings: Any, mail_server: SmtpStandIn) -> None:
    settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": {"email": "staging@example.com"}}
    queue(
        plain(
            to=["a@example.com", "b@example.com"],
            cc=["c@example.com"],
            bcc=["d@example.com"],
            reply_to=["e@example.com"],
            headers={"X-Campaign": "spring", "Errors-To": "f@example.com"},
        ),
        Shouting("S", "s", "shop@example.com", ["g@example.com"]),
    )
    run()
    assert [each.envelope_to for each in mail_server.received] == [["staging@example.com"]] * 2
    [first] = [each for each in mail_server.received if each["Subject"] == "Hello"]
    assert (first["To"], first["X-Original-To"]) == ("staging@example.com", "a@example.com")
    assert (first["Cc"], first["Reply-To"], first["Errors-To"]) == (None, None, None)
    assert first["X-Campaign"] == "spring"


# Tests of projects


@pytest.mark.django_db
def test_the_outbox_takes_queued_mail(outbox: Outbox) -> None:
    message = rich(cc=["c@example.com"])
    message.attach("a.txt", "text", "text/plain")
    queue(message)
    outbox.deliver()
    [taken] = outbox["email"]
    assert (taken.recipient, taken.user, taken.title) == ("ann@example.com", None, "Hello")
    assert taken.email is not None
    assert taken.email.cc == ["c@example.com"]
    assert [each[0] for each in taken.email.attachments] == ["a.txt"]


@pytest.mark.django_db
def test_djangos_outbox_takes_queued_mail(settings: Any, mailoutbox: Any) -> None:
    use_backend(settings, QUEUE)
    settings.NOTIFICATION_SYSTEM_TARGETS = {
        "email": {"backend": "django.core.mail.backends.smtp.EmailBackend"}
    }
    assert mail.send_mail("Hello", "World", "shop@example.com", ["ann@example.com"]) == 1
    assert mail.outbox == []
    run()
    [sent] = mail.outbox
    assert (sent.subject, sent.to) == ("Hello", ["ann@example.com"])


# Settings


def loop_messages() -> list[str]:
    return [message.msg for message in check_settings() if str(message.id).endswith("E018")]


def test_a_loop_is_found(settings: Any, db: None) -> None:
    use_backend(settings, QUEUE)
    [said] = loop_messages()
    assert "['backend'] = 'django.core.mail.backends.smtp.EmailBackend'" in said
    queue(plain())
    assert list(run().problems) == ["Email"]
    assert Notification.objects.get().status == "SCHEDULED"
    assert Notification.objects.count() == 1


def test_with_a_backend_that_delivers_there_is_no_loop(settings: Any) -> None:
    use_backend(settings, QUEUE)
    settings.NOTIFICATION_SYSTEM_TARGETS = {"email": {"backend": LOCMEM}}
    assert loop_messages() == []


def test_a_backend_and_a_mailer_are_too_many(settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"email": {"backend": LOCMEM, "mailer": "default"}}
    assert "has a 'backend' and a 'mailer'" in loop_messages()[0]


def test_a_mailer_delivers(settings: Any, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"email": {"mailer": "real"}}
    if not HAS_MAILERS:
        assert "needs Django 6.1" in loop_messages()[0]
        return
    monkeypatch.delattr(mail, "outbox")
    settings.MAILERS = {"default": {"BACKEND": QUEUE}, "real": {"BACKEND": THIRD_PARTY}}
    assert loop_messages() == []
    ThirdParty.reset()
    queue(plain())
    run()
    assert len(ThirdParty.sent) == 1
    ThirdParty.reset()


def test_a_backend_that_does_not_exist_stops_the_target(
    settings: Any, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(mail, "outbox", raising=False)
    settings.NOTIFICATION_SYSTEM_TARGETS = {"email": {"backend": "nowhere.Backend"}}
    queue(plain())
    this = run()
    assert "make no connection" in this.problems["Email"]
    assert Notification.objects.get().status == "SCHEDULED"
    with pytest.raises(TargetUnavailable, match="make no connection"):
        queue(Shouting("S", "s", "shop@example.com", ["ann@example.com"]))


def test_without_the_target_a_mail_is_refused(db: None) -> None:
    NotificationTarget.objects.filter(name="Email").delete()
    with pytest.raises(InvalidNotification, match="Run migrate"):
        queue(plain())


def test_a_handler_of_the_projects_own_is_no_place_for_queued_mail(
    settings: Any, db: None, tmp_path: Any
) -> None:
    (tmp_path / "email.py").write_text("def send_notification(notification):\n    return ''\n")
    settings.NOTIFICATION_SYSTEM_HANDLERS = [str(tmp_path)]
    with pytest.raises(InvalidNotification, match="the project's own handler for email"):
        queue(plain())


# Purging


@pytest.mark.django_db
def test_a_removed_text_is_gone(settings: Any, mail_server: SmtpStandIn) -> None:
    settings.NOTIFICATION_SYSTEM = {"KEEP_BODIES": 0}
    message = rich(body="https://secret-link")
    message.attach("a.txt", "secret", "text/plain")
    queue(message)
    run()
    call_command("purge_notifications", "--older-than", "90d", "--verbosity", "0")
    row = Notification.objects.get()
    assert (row.body, row.extra) == ("", {"django_notification_system.removed": True})
    assert not NotificationAttachment.objects.exists()


@pytest.mark.django_db
def test_notify_and_the_queue_have_records_apart(email: Any) -> None:
    queue(plain(to=[email.target_user_id]))
    notify(email.user, "Hello", "World", target="Email")
    records = TargetUserRecord.objects.filter(target_user_id=email.target_user_id)
    assert records.count() == 2
    email.refresh_from_db()
    assert email.notifications.count() == 1


@in_real_transactions
@pytest.mark.skipif(TEST_DATABASE == "sqlite", reason="SQLite has one writer at a time")
def test_two_requests_at_once_share_record_and_content() -> None:
    def message() -> EmailMessage:
        made = plain()
        made.attach("terms.pdf", b"%PDF", "application/pdf")
        return made

    def second_request() -> int:
        try:
            return queue(message())
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            queue(message())
            # Waits for the end of this transaction, at the record or at the content.
            second = other.submit(second_request)
        assert second.result(timeout=30) == 1
    assert Notification.objects.count() == NotificationAttachment.objects.count() == 2
    assert TargetUserRecord.objects.count() == AttachmentContent.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("shape", ["a class that signs", "an inline picture"])
def test_djangos_backend_for_files_writes_queued_mail(
    shape: str, settings: Any, tmp_path: Path
) -> None:
    use_backend(settings, "django.core.mail.backends.filebased.EmailBackend", file_path=tmp_path)
    queue(SHAPES[shape]())
    run()
    assert Notification.objects.get().status == "DELIVERED"
    [file] = tmp_path.iterdir()
    written = file.read_bytes()
    assert (b"X-Signed: yes" in written) == (shape == "a class that signs")
    assert b"\r\n" not in written
