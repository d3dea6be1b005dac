"""What becomes of a queued mail: backends, refusals, suppressions, retries."""

import logging
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from django_notification_system.categories import Category, known_categories
from django_notification_system.checks import check_settings
from django_notification_system.delivery.receipts.record import record_receipts
from django_notification_system.exceptions import InvalidNotification
from django_notification_system.mail import QueueBackend
from django_notification_system.models import (
    Notification,
    NotificationAttachment,
    NotificationOptOut,
    TargetUserRecord,
)
from django_notification_system.notification_handlers.email.queued_mail import bytes_of
from django_notification_system.outcome import Receipt, ReceiptResult
from django_notification_system.preferences import suppress
from django_notification_system.testing.smtp import SmtpStandIn
from tests.support.email_support import run
from tests.support.mail_backends import HAS_MAILERS, ThirdParty, use_backend
from tests.support.mail_shapes import (
    Shouting,
    anymail_attributes,
    plain,
    rich,
)
from tests.support.queue_support import LOCMEM, QUEUE, SMTP_BACKEND, THIRD_PARTY, queue

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


class SesBackend(ThirdParty):
    """What django-ses' backend does with a message; it has no mark."""

    __module__, __qualname__ = "django_ses", "SESBackend"
    written: list[tuple[list[str], bytes]] = []

    def send_messages(self, messages: Any) -> int:
        for message in messages:
            message.to = [each for each in message.to if not each.startswith("blocked")]
            message.extra_headers["X-SES-CONFIGURATION-SET"] = "news"
            self.written.append((message.recipients(), bytes_of(message)))
        return len(messages)


class SesOverTheTelephone(SesBackend):
    """A project's backend, which says that it does not send the bytes."""

    sends_message_bytes = False


@pytest.mark.django_db
@pytest.mark.parametrize("backend", [SesBackend, SesOverTheTelephone])
def test_a_backend_of_another_package_that_sends_the_bytes_gets_them(
    backend: type, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = backend.__name__
    monkeypatch.setitem(sys.modules, "backends_here", SimpleNamespace(**{name: backend}))
    use_backend(settings, f"backends_here.{name}")
    message = Shouting("S", "s", "shop@example.com", ["ann@example.com", "blocked@example.com"])
    if backend is SesOverTheTelephone:
        with pytest.raises(InvalidNotification, match="sends_message_bytes = True"):
            queue(message)
        return
    SesBackend.written.clear()
    queue(message)
    run()
    assert Notification.objects.get().status == "DELIVERED"
    [(recipients, written)] = SesBackend.written
    head, _, body = written.partition(b"\r\n\r\n")
    assert recipients == ["ann@example.com"]
    assert b"X-Signed: yes\r\nX-SES-CONFIGURATION-SET: news" in head
    assert body.strip() == b"s"


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
@pytest.mark.parametrize("size", [10, 100_000], ids=["short", "long"])
@pytest.mark.parametrize("of", [plain, Shouting], ids=["parts", "bytes"])
@pytest.mark.parametrize("suppressed", [{"b"}, {"a"}, {"c", "d"}, {"a", "b", "c", "d"}])
def test_a_suppressed_recipient_among_several_gets_no_mail(
    suppressed: set[str], of: Callable[..., Any], size: int, mail_server: SmtpStandIn
) -> None:
    message = of(
        subject="News",
        body="x" * size,
        to=["Ann <a@example.com>", "b@example.com"],
        cc=["C@example.com"],
        bcc=["d@example.com"],
    )
    message.notification = {"category": "news"}
    with known_categories(Category("news", label="News")):
        for name in sorted(suppressed):
            suppress("email", f"{name}@example.com", reason="complaint")
        queue(message)
        run()
    row = Notification.objects.get()
    if len(suppressed) == 4:
        assert mail_server.received == []
        assert row.status == "INACTIVE DEVICE"
        assert row.response == "Not sent: the address is suppressed: complaint."
        return
    assert row.status == "DELIVERED"
    [received] = mail_server.received
    assert {each[0].lower() for each in received.envelope_to} == set("abcd") - suppressed
    if of is plain:
        written = f"{received['To'] or ''} {received['Cc'] or ''}".lower()
        assert {name for name in "abc" if f"{name}@" in written} == set("abc") - suppressed


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("header", "left"),
    [
        ("Änn <ANN@example.com>, Bob <bob@example.com>", "Bob <bob@example.com>"),
        ("ann@example.com", "undisclosed-recipients:;"),
        ("Team of Ann <team@example.com>", "Team of Ann <team@example.com>"),
    ],
)
def test_a_header_of_the_projects_own_names_no_suppressed_recipient(
    header: str, left: str, mail_server: SmtpStandIn
) -> None:
    message: Any = plain(
        to=["bob@example.com"], bcc=["ann@example.com"], headers={"To": header, "X-A": header}
    )
    message.notification = {"category": "news"}
    with known_categories(Category("news", label="News")):
        suppress("email", "ann@example.com", reason="complaint")
        queue(message)
        run()
    [received] = mail_server.received
    assert (received.envelope_to, received["To"]) == (["bob@example.com"], left)
    assert "nn" in received["X-A"]


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


@pytest.mark.django_db
def test_a_staging_site_writes_the_bytes_of_a_class_without_names_of_people(
    settings: Any, mail_server: SmtpStandIn
) -> None:
    settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": {"email": "staging@example.com"}}
    headers = {
        "X-Client": "=?utf-8?q?dora=40example.com?=",
        "X-Shop": "7",
        "X-Long": f"{'word ' * 30}eve@example.com",
    }
    queue(
        Shouting(
            subject="Grüße",
            body="To: you\n\nSecond paragraph\n",
            from_email="shop@example.com",
            to=["Ann <ann@example.com>", *(f"b{number}@example.com" for number in range(9))],
            cc=["carl@example.com"],
            reply_to=["answers@example.com"],
            headers=headers,
        )
    )
    run()
    [received] = mail_server.received
    assert received.envelope_to == ["staging@example.com"]
    assert received["To"] == "staging@example.com"
    assert received["X-Original-To"] == "ann@example.com"
    assert (received["X-Shop"], received["X-Signed"]) == ("7", "yes")
    assert (received["Subject"], received["From"]) == ("Grüße", "shop@example.com")
    content = received.raw
    for name in (b"carl", b"b3@", b"answers", b"dora", b"eve@"):
        assert name not in content
    assert b"To: you\r\n\r\nSecond paragraph\r\n" in content


@pytest.mark.parametrize("backend", [SMTP_BACKEND, LOCMEM])
def test_a_check_finds_a_backend_that_lacks_its_options_beside_mailers(
    backend: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not HAS_MAILERS:
        # What Django 6.1 does: without OPTIONS no SMTP backend is made.
        def made(self: Any, *, alias: str) -> None:
            raise ImproperlyConfigured("OPTIONS must define 'host'.")

        monkeypatch.setattr(mail, "mailers", {}, raising=False)
        monkeypatch.setattr("django.core.mail.backends.smtp.EmailBackend.__init__", made)
        monkeypatch.setattr(
            "django.core.mail.backends.locmem.EmailBackend.__init__", lambda self, alias: None
        )
    settings.MAILERS = {"default": {"BACKEND": QUEUE}}
    settings.NOTIFICATION_SYSTEM_TARGETS = {"email": {"backend": backend}}
    found = [each for each in check_settings(None) if each.id.endswith("018")]
    if backend == LOCMEM:
        assert found == []
        return
    assert "OPTIONS must define 'host'" in found[0].msg
    assert "['mailer']" in str(found[0].hint)


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
