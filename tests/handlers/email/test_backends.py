"""Email through Django's own backends and others', and the stand-in for a mail server."""

import smtplib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.mail.backends import smtp as django_smtp
from django.db import connection, connections

from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.testing.smtp import ReceivedEmail, SmtpStandIn
from tests.conftest import MakeDue
from tests.support.email_support import EGGS, SENT, after_run, configure, run
from tests.support.mail_backends import (
    HAS_MAILERS,
    SMTP,
    ThirdParty,
    use_backend,
    use_email_settings,
)
from tests.support.ports import refusing_port

THIRD_PARTY = "tests.support.mail_backends.ThirdParty"


@pytest.fixture
def third_party(settings: Any) -> Iterator[type[ThirdParty]]:
    ThirdParty.reset()
    use_backend(settings, THIRD_PARTY)
    yield ThirdParty
    ThirdParty.reset()


@pytest.mark.parametrize(
    "backend", ["no.such.Backend", "tests.support.mail_backends.NoSuchBackend"]
)
def test_a_backend_that_does_not_import_stops_the_target_and_burns_no_attempt(
    backend: str, email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    use_backend(settings, backend)
    notification = make_due(email)
    assert "make no connection" in run().problems["Email"]
    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == ("SCHEDULED", 0)


def test_the_test_outbox_of_django_works(email: TargetUserRecord, make_due: MakeDue) -> None:
    notifications = [make_due(email, title=f"Number {number}") for number in range(3)]
    assert not run().problems
    assert [message.subject for message in mail.outbox] == [each.title for each in notifications]


def test_an_outbox_of_somebodys_locmem_swallows_no_mail(
    email: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    third_party: type[ThirdParty],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A locmem backend makes ``mail.outbox`` wherever it is used, with or without a test runner."""
    settings.NOTIFICATION_SYSTEM_TARGETS = {"email": {"backend": THIRD_PARTY}}
    make_due(email)
    with monkeypatch.context() as outside:
        outside.delattr("django.test.utils._TestState.saved_data")
        assert not run().problems
    assert (len(third_party.sent), mail.outbox) == (1, [])
    make_due(email, title="In a test")
    run()
    assert [message.subject for message in mail.outbox] == ["In a test"]


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
    ("refused", "is_hard_bounce"),
    [
        ("ann@xn--mnchen-3ya.example", True),
        ("Ann <ann@münchen.example>", True),
        ("ham@example.com", False),
    ],
)
def test_a_refusal_by_a_third_partys_backend_is_of_the_record_where_it_names_its_mailbox(
    refused: str,
    is_hard_bounce: bool,
    third_party: type[ThirdParty],
    email: TargetUserRecord,
    make_due: MakeDue,
) -> None:
    email.target_user_id = "ann@münchen.example"
    email.save()
    third_party.raises = smtplib.SMTPRecipientsRefused({refused: (550, b"5.1.1 No such user")})
    after_run(make_due(email))
    email.refresh_from_db()
    assert email.hard_bounces == is_hard_bounce


@pytest.mark.parametrize("returns", [0, None, [object()], True, False])
def test_what_a_third_partys_backend_takes_without_an_error_is_delivered_once(
    returns: Any, third_party: type[ThirdParty], email: TargetUserRecord, make_due: MakeDue
) -> None:
    """django-post_office's backend queues each message and returns 0, others return None."""
    third_party.returns = returns
    notification = after_run(make_due(email, retry_time_interval=0))
    assert notification.status == Notification.DELIVERED
    run()
    assert len(third_party.sent) == 1


@pytest.mark.parametrize("backend", [SMTP, "tests.support.mail_backends.QuietSmtp"])
def test_a_backend_that_is_set_to_fail_silently_is_heard(
    backend: str,
    email: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of_django = django_smtp.EmailBackend.__init__

    def silently(self: Any, *args: Any, **kwargs: Any) -> None:
        of_django(self, *args, **{**kwargs, "fail_silently": True})

    monkeypatch.setattr(django_smtp.EmailBackend, "__init__", silently)
    notification = make_due(email)
    with refusing_port() as port:
        use_backend(settings, backend, host="127.0.0.1", port=port)
        assert "ConnectionRefusedError" in run().problems["Email"]
    notification.refresh_from_db()
    assert notification.status == Notification.SCHEDULED


def test_djangos_smtp_backend_that_sent_nothing_is_not_taken_for_one_that_queues(
    email: TargetUserRecord, make_due: MakeDue, settings: Any, mail_server: SmtpStandIn
) -> None:
    backend = "tests.support.mail_backends.QuietSmtp"
    use_backend(settings, backend, host=mail_server.host, port=mail_server.port)
    notification = after_run(make_due(email))
    assert notification.status == Notification.RETRY
    assert f"{backend} sent nothing" in notification.response
    assert mail_server.received == []


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
    for name in ("smtp", "smtp_conversation"):
        monkeypatch.delitem(sys.modules, f"django_notification_system.testing.{name}")
    with pytest.raises(ImportError, match=r"\[testing\]"):
        import django_notification_system.testing.smtp  # noqa: F401
