"""``QueueBackend``: each mail is stored, and arrives as without the queue."""

import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.message import MIMEPart
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.smtp import EmailBackend
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext, modify_settings
from django.utils import timezone

from django_notification_system import notify
from django_notification_system.email_records import EmailRecords
from django_notification_system.exceptions import InvalidNotification
from django_notification_system.mail import QueueBackend
from django_notification_system.models import (
    AttachmentContent,
    Notification,
    NotificationAttachment,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_creators import queue_mail
from django_notification_system.testing.smtp import ReceivedEmail, SmtpStandIn
from tests.settings import TEST_DATABASE
from tests.support.email_support import run
from tests.support.mail_backends import HAS_MAILERS, use_backend
from tests.support.mail_shapes import (
    HAS_PARTS,
    SHAPES,
    picture,
    plain,
    rich,
)
from tests.support.queue_support import MESSAGE, queue
from tests.support.runs import in_real_transactions

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
def test_a_mail_to_an_address_in_use_takes_one_query_beside_the_insert() -> None:
    queue(plain())
    with CaptureQueriesContext(connection) as captured:
        queue(plain(to=["ANN@example.com"]))
    verbs = [each["sql"].split()[0] for each in captured]
    # MariaDB locks only rows that are sure to be there.
    assert verbs.count("SELECT") == (2 if TEST_DATABASE == "mariadb" else 1)
    assert verbs.count("INSERT") == 1


@pytest.mark.django_db
def test_a_target_that_was_changed_since_the_last_mail_is_seen() -> None:
    queue(plain())
    TargetUserRecord.objects.all().delete()
    NotificationTarget.objects.filter(name="Email").delete()
    anew = NotificationTarget.objects.create(name="Email", notification_module_name="email")
    queue(plain())
    row = Notification.objects.get()
    assert (row.target, row.target_user_record.target) == (anew, anew)
    NotificationTarget.objects.update(notification_module_name="carrier_pigeon")
    with pytest.raises(InvalidNotification, match="no target with the module"):
        queue(plain())


@pytest.mark.django_db
def test_of_several_targets_queue_and_users_records_have_the_same() -> None:
    NotificationTarget.objects.filter(name="Email").update(name="Post")
    NotificationTarget.objects.create(name="Letters", notification_module_name="email")
    queue(plain())
    oldest = EmailRecords().target
    assert (oldest.name, Notification.objects.get().target) == ("Post", oldest)


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
