"""The mail backend that queues: in tests of projects, and its settings."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from django.core import mail

from django_notification_system.checks import check_settings
from django_notification_system.exceptions import InvalidNotification, TargetUnavailable
from django_notification_system.models import (
    Notification,
    NotificationTarget,
)
from django_notification_system.testing import Outbox
from tests.support.email_support import run
from tests.support.mail_backends import HAS_MAILERS, ThirdParty, use_backend
from tests.support.mail_shapes import (
    Shouting,
    plain,
    rich,
)
from tests.support.queue_support import LOCMEM, QUEUE, SMTP_BACKEND, THIRD_PARTY, queue

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


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"backend": "nowhere.Backend"}, "['backend'] makes no connection (ModuleNotFoundError"),
        ({"backend": "django.core.mail.backends.smtp"}, "['backend'] makes no connection"),
        ({"mailer": "smpt"}, "['mailer'] is 'smpt', and MAILERS has 'default'."),
        ({"mailer": "real"}, "['mailer'] is 'real', and MAILERS has no entry."),
        ({"mailer": "odd"}, "MAILERS['odd'], which"),
    ],
)
def test_a_backend_that_does_not_exist_is_named_and_stops_the_target(
    chosen: Any, said: str, settings: Any, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(mail, "outbox", raising=False)
    use_backend(settings, QUEUE)
    if "mailer" in chosen and not HAS_MAILERS:
        said = "needs Django 6.1."
    elif chosen == {"mailer": "odd"}:
        settings.MAILERS = {**settings.MAILERS, "odd": {"BACKEND": "nowhere.Backend"}}
    elif chosen == {"mailer": "real"}:
        settings.MAILERS = {}
    settings.NOTIFICATION_SYSTEM_TARGETS = {"email": chosen}
    [fault] = loop_messages()
    assert said in fault
    queue(plain())
    assert said in run().problems["Email"]
    assert Notification.objects.get().status == "SCHEDULED"
    with pytest.raises(TargetUnavailable):
        queue(Shouting("S", "s", "shop@example.com", ["ann@example.com"]))


class DbBackend(ThirdParty):
    """django-mailer's backend, as the package names it."""

    __module__, __qualname__ = "mailer.backend", "DbBackend"


@pytest.mark.parametrize(("next_backend", "is_loop"), [(QUEUE, True), (SMTP_BACKEND, False)])
def test_a_loop_through_another_packages_queue_is_found(
    next_backend: str,
    is_loop: bool,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(mail, "outbox", raising=False)
    monkeypatch.setitem(sys.modules, "mailer", SimpleNamespace(DbBackend=DbBackend))
    use_backend(settings, QUEUE)
    settings.MAILER_EMAIL_BACKEND = next_backend
    settings.NOTIFICATION_SYSTEM_TARGETS = {"email": {"backend": "mailer.DbBackend"}}
    said = loop_messages()
    assert len(said) == is_loop
    assert all("mailer.backend.DbBackend, which gives the mail back" in each for each in said)


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
