"""``notify(attachments=…)``: a content is stored once, sent with each mail, and purged."""

import hashlib
from datetime import timedelta
from email.message import Message
from io import BytesIO
from typing import Any

import pytest
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.mail import EmailMessage
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_notification_system import notify
from django_notification_system.exceptions import InvalidNotification
from django_notification_system.models import (
    AttachmentContent,
    Notification,
    NotificationAttachment,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.testing import Outbox
from django_notification_system.testing.smtp import SmtpStandIn
from tests.support.email_support import run

PDF = b"%PDF-1.4 \x00\xff\r\n"


def attached(message: Message) -> list[tuple[str | None, str, bytes]]:
    return [
        (part.get_filename(), part.get_content_type(), bytes(part.get_payload(decode=True)))
        for part in message.walk()
        if part.get_filename()
    ]


def many_users(django_user_model: Any, count: int) -> list[Any]:
    users = django_user_model.objects.bulk_create(
        django_user_model(username=f"user-{number}") for number in range(count)
    )
    target = NotificationTarget.objects.get(name="Email")
    TargetUserRecord.objects.bulk_create(
        TargetUserRecord(
            user=user, target=target, target_user_id=f"{user}@example.com", description="-"
        )
        for user in users
    )
    return list(users)


def test_files_go_with_the_mail(email: Any, mail_server: SmtpStandIn) -> None:
    notify(
        email.user,
        "Your invoice",
        "It is attached.",
        target="Email",
        attachments=[
            ("invoice.pdf", PDF, "application/pdf"),
            ContentFile(b"a,b\n", name="folder/rows.csv"),
            ("Größe.txt", "viel zu groß"),
            ["data.unknown", bytearray(b"\x01\x02")],
        ],
    )
    run()
    [message] = mail_server.received
    sent = attached(message)
    assert [(name, kind) for name, kind, _ in sent] == [
        ("invoice.pdf", "application/pdf"),
        ("rows.csv", "text/csv"),
        ("Größe.txt", "text/plain"),
        ("data.unknown", "application/octet-stream"),
    ]
    assert sent[0][2] == PDF
    assert sent[1][2].strip() == b"a,b"
    assert sent[2][2].decode().strip() == "viel zu groß"
    assert sent[3][2] == b"\x01\x02"


def test_a_content_is_stored_once(django_user_model: Any, db: None) -> None:
    users = many_users(django_user_model, 5)
    for number in range(3):
        notify(users, f"Terms {number}", "New.", attachments=[("terms.pdf", PDF)])
    assert NotificationAttachment.objects.count() == 15
    content = AttachmentContent.objects.get()
    assert content.digest == hashlib.sha256(PDF).hexdigest()
    assert (bytes(content.data), content.size) == (PDF, len(PDF))


def test_a_content_is_read_once_for_many_mails(
    django_user_model: Any, db: None, outbox: Outbox, mail_server: SmtpStandIn
) -> None:
    users = many_users(django_user_model, 5)
    notify(users, "Terms", "New.", attachments=[("terms.pdf", PDF)])
    from django_notification_system.notification_handlers.email.stored_attachments import (
        StoredAttachments,
    )

    stored = StoredAttachments()
    with CaptureQueriesContext(connection) as captured:
        for notification in Notification.objects.all():
            assert [file.content for file in stored.of(notification)] == [PDF]
    of_contents = [each["sql"] for each in captured if '"data"' in each["sql"].replace("`", '"')]
    assert len(of_contents) == 1


def test_the_outbox_shows_files(email: Any, outbox: Outbox) -> None:
    notify(email.user, "Your invoice", "Here.", target="Email", attachments=[("i.pdf", PDF)])
    outbox.deliver()
    [message] = outbox
    assert message.email is not None
    assert [(each[0], each[1]) for each in message.email.attachments] == [("i.pdf", PDF)]


def test_a_notification_without_files_costs_no_query_for_files(email: Any) -> None:
    with CaptureQueriesContext(connection) as captured:
        notify(email.user, "Hello", "World", target="Email")
    assert "attachment" not in " ".join(
        each["sql"] for each in captured if "has_attachments" not in each["sql"]
    )


def test_other_files_make_another_notification(email: Any) -> None:
    moment = timezone.now() + timedelta(days=1)

    def create(content: bytes) -> int:
        return notify(
            email.user,
            "Invoice",
            "Here.",
            target="Email",
            scheduled_delivery=moment,
            attachments=[("i.pdf", content)],
            quiet=True,
        )

    assert [create(b"1"), create(b"1"), create(b"2")] == [1, 0, 1]
    assert NotificationAttachment.objects.count() == 2


def test_a_key_attaches_files_only_once(email: Any) -> None:
    for content in (b"1", b"2"):
        notify(
            email.user,
            "Invoice",
            "Here.",
            target="Email",
            idempotency_key="invoice-1",
            attachments=[("i.pdf", content)],
        )
    [file] = NotificationAttachment.objects.all()
    assert bytes(file.content.data) == b"1"


def test_only_the_emails_of_a_call_have_files(user: Any, records: Any) -> None:
    assert notify(user, "Invoice", "Here.", attachments=[("i.pdf", PDF)]) == 3
    [file] = NotificationAttachment.objects.all()
    assert file.notification.target_user_record == records["Email"]
    assert Notification.objects.filter(has_attachments=True).count() == 1


def test_a_chosen_target_that_sends_no_files_refuses_them(user: Any, records: Any) -> None:
    with pytest.raises(InvalidNotification, match="'Twilio' sends no attachments") as raised:
        notify(user, "Invoice", "Here.", target="Twilio", attachments=[("i.pdf", PDF)])
    assert raised.value.argument == "attachments"
    assert not Notification.objects.exists()


@pytest.mark.parametrize(
    ("attachments", "said"),
    [
        ("invoice.pdf", "must be a list of files, not str"),
        (ContentFile(b"", name="x"), "must be a list of files, not ContentFile"),
        (7, "must be a list of files, not int"),
        (["invoice.pdf"], r'A path in the default storage goes into extra\["attachments"\]'),
        ([EmailMessage()], r"attachments\[0\] is a EmailMessage"),
        ([("a",)], r"attachments\[0\] is a tuple"),
        ([("", b"")], r"attachments\[0\] has no name"),
        ([(None, b"")], r"attachments\[0\] has no name"),
        ([ContentFile(b"x")], r"attachments\[0\] has no name"),
        ([("a\nb", b"")], "line break"),
        ([("a" * 256, b"")], "256 characters"),
        ([("a", None)], "must be bytes or a str, not NoneType"),
        ([("a", b"", "pdf")], "media type 'pdf'"),
        ([("a", b"", "text/plain\r\nX: y")], "media type"),
        ([("a", b"", 3)], "media type 3"),
    ],
)
def test_a_bad_file_is_refused(email: Any, attachments: Any, said: str) -> None:
    with pytest.raises(InvalidNotification, match=said) as raised:
        notify(email.user, "Invoice", "Here.", target="Email", attachments=attachments)
    assert raised.value.argument == "attachments"
    assert not AttachmentContent.objects.exists()


def test_a_closed_file_is_refused(email: Any) -> None:
    file = File(BytesIO(b"x"), name="x.txt")
    file.close()
    with pytest.raises(InvalidNotification, match=r"attachments\[0\] cannot be read"):
        notify(email.user, "Invoice", "Here.", target="Email", attachments=[file])


def test_a_file_is_read_from_its_start(email: Any) -> None:
    file = ContentFile(b"whole", name="x.txt")
    file.read()
    notify(email.user, "Invoice", "Here.", target="Email", attachments=[file])
    assert bytes(AttachmentContent.objects.get().data) == b"whole"


def test_files_above_the_limit_are_refused(email: Any, settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"MAX_ATTACHMENTS_MB": 0.001}
    half = b"x" * 600
    notify(email.user, "Invoice", "Here.", target="Email", attachments=[("a", half)])
    with pytest.raises(
        InvalidNotification, match=r"1,200 bytes together, more than the 0\.001 MiB"
    ):
        notify(email.user, "More", "Here.", target="Email", attachments=[("a", half), ("b", half)])


def test_a_known_content_is_noted_as_used(email: Any) -> None:
    long_ago = timezone.now() - timedelta(days=3)
    digest = hashlib.sha256(PDF).hexdigest()
    AttachmentContent.objects.create(digest=digest, data=PDF, size=len(PDF), used_at=long_ago)
    notify(email.user, "Invoice", "Here.", target="Email", attachments=[("i.pdf", PDF)])
    content = AttachmentContent.objects.get()
    assert content.used_at > timezone.now() - timedelta(minutes=1)
    with CaptureQueriesContext(connection) as captured:
        notify(email.user, "Again", "Here.", target="Email", attachments=[("i.pdf", PDF)])
    assert not [
        each for each in captured if each["sql"].startswith("UPDATE") and digest in str(each)
    ]


def test_a_content_purged_meanwhile_is_stored_again(email: Any) -> None:
    long_ago = timezone.now() - timedelta(days=3)
    digest = hashlib.sha256(PDF).hexdigest()
    AttachmentContent.objects.create(digest=digest, data=PDF, size=len(PDF), used_at=long_ago)

    def purge_before_update(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.startswith("UPDATE") and "notification_system_content" in sql:
            AttachmentContent.objects.filter(digest=digest).delete()
        return execute(sql, *arguments)

    with connection.execute_wrapper(purge_before_update):
        notify(email.user, "Invoice", "Here.", target="Email", attachments=[("i.pdf", PDF)])
    assert AttachmentContent.objects.get().used_at > long_ago


def test_many_contents_are_stored(email: Any) -> None:
    files = [(f"{number}.txt", f"content {number}") for number in range(1500)]
    notify(email.user, "Files", "Here.", target="Email", attachments=files)
    assert AttachmentContent.objects.count() == 1500
    names = NotificationAttachment.objects.order_by("position").values_list("name", flat=True)
    assert list(names) == [name for name, _ in files]


def test_nothing_is_stored_of_what_is_rolled_back(django_user_model: Any, db: None) -> None:
    users = many_users(django_user_model, 1)
    with transaction.atomic():
        notify(users, "Invoice", "Here.", target="Email", attachments=[("i.pdf", PDF)])
        transaction.set_rollback(True)
    assert not NotificationAttachment.objects.exists()
    assert not AttachmentContent.objects.exists()


# Purging


def age(**fields: Any) -> None:
    long_ago = timezone.now() - timedelta(days=100)
    Notification.objects.update(
        scheduled_delivery=long_ago, attempted_delivery=long_ago, status="DELIVERED", **fields
    )


def test_a_content_goes_with_its_last_user(django_user_model: Any, db: None) -> None:
    first, second = many_users(django_user_model, 2)
    notify(first, "Terms", "New.", attachments=[("terms.pdf", PDF)])
    age()
    notify(second, "Terms", "New.", attachments=[("terms.pdf", PDF)])
    AttachmentContent.objects.update(used_at=timezone.now() - timedelta(days=2))
    call_command("purge_notifications", "--older-than", "90d", "--verbosity", "0")
    assert Notification.objects.count() == NotificationAttachment.objects.count() == 1
    assert AttachmentContent.objects.count() == 1
    age()
    call_command("purge_notifications", "--older-than", "90d", "--verbosity", "0")
    assert not NotificationAttachment.objects.exists()
    assert not AttachmentContent.objects.exists()


def test_a_content_just_used_stays(email: Any) -> None:
    notify(email.user, "Terms", "New.", target="Email", attachments=[("terms.pdf", PDF)])
    age()
    call_command("purge_notifications", "--older-than", "90d", "--verbosity", "0")
    assert not NotificationAttachment.objects.exists()
    assert AttachmentContent.objects.count() == 1


def test_bodies_are_removed_after_their_time(email: Any, settings: Any, process: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"KEEP_BODIES": 2}
    notify(email.user, "Reset", "https://secret", target="Email", attachments=[("t.pdf", PDF)])
    notify(email.user, "Later", "https://later", target="Email", extra={"a": 1})
    days_ago = timezone.now() - timedelta(days=3)
    Notification.objects.filter(title="Reset").update(
        status="DELIVERED", attempted_delivery=days_ago, scheduled_delivery=days_ago
    )
    call_command("purge_notifications", "--older-than", "90d")
    reset, later = Notification.objects.order_by("title").reverse()
    assert (reset.title, reset.body, reset.has_attachments) == ("Reset", "", False)
    assert reset.extra == {"django_notification_system.removed": True}
    assert not reset.attachments.exists()
    assert (later.body, later.extra) == ("https://later", {"a": 1})


def test_bodies_are_removed_once(
    email: Any, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.NOTIFICATION_SYSTEM = {"KEEP_BODIES": 0}
    notify(email.user, "One", "1", target="Email")
    notify(email.user, "Two", "2", target="Email")
    Notification.objects.filter(title="Two").update(extra=None)
    age(modified_date=timezone.now())
    for said in ("Removed the texts of 2 delivered notifications.", ""):
        call_command("purge_notifications", "--older-than", "900d", "--batch-size", "1")
        assert said in capsys.readouterr().out
    assert "Removed" not in capsys.readouterr().out
    assert not Notification.objects.exclude(body="").exists()


def test_without_the_setting_bodies_stay(email: Any) -> None:
    notify(email.user, "One", "1", target="Email")
    age()
    call_command("purge_notifications", "--older-than", "900d", "--verbosity", "0")
    assert Notification.objects.get().body == "1"


def test_a_mail_whose_text_was_removed_is_not_sent_again(
    email: Any, settings: Any, mail_server: SmtpStandIn
) -> None:
    settings.NOTIFICATION_SYSTEM = {"KEEP_BODIES": 0}
    notify(email.user, "One", "1", target="Email")
    age()
    call_command("purge_notifications", "--older-than", "900d", "--verbosity", "0")
    Notification.objects.update(status="RETRY")
    run()
    notification = Notification.objects.get()
    assert notification.status == "DELIVERY FAILURE"
    assert notification.response == "Not sent: its text was removed after it was delivered."
    assert not mail_server.received
