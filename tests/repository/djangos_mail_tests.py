"""Django's own tests of mail, through the queue.

    DJANGO_SOURCE=/path/to/django-5.2.19 python -m pytest tests/repository/djangos_mail_tests.py

``DJANGO_SOURCE`` is the unpacked source of the Django that is installed: the package itself has no
tests. Nothing is fetched, and without the variable there are no tests here. Two kinds run:

- the tests that every mail backend passes, with a run of this app between sending and receiving;
- the tests of messages, each message taken apart for the queue and made again before it is written.
"""

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.test import TestCase, override_settings

from django_notification_system.mail import QueueBackend
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.models.reserved import QUEUED_MAIL
from django_notification_system.notification_handlers.email.pack import pack
from django_notification_system.notification_handlers.email.queued_mail import QueuedMail
from django_notification_system.notification_handlers.email.stored_attachments import (
    StoredAttachment,
    StoredAttachments,
)
from django_notification_system.notification_handlers.email.unpack import unpack
from tests.support.email_support import run
from tests.support.mail_backends import HAS_MAILERS

LOCMEM = "django.core.mail.backends.locmem.EmailBackend"
SOURCE = os.environ.get("DJANGO_SOURCE", "")
#: They ask for the very object that was attached, for a bytes alternative with its own line ends,
#: or for a backend of the name EmailBackend without ``fail_silently``.
LEFT_OUT = (
    *("test_decoded_attachments_MIMEText", "test_decoded_attachment_text_MIMEPart"),
    *("test_alternative_alternatives", "test_fail_silently_arg_accepted"),
    "test_unknown_kwargs_ignored",
)
pytestmark = pytest.mark.filterwarnings("default")
written = EmailMessage.message


class Stored(StoredAttachments):
    """The attachments of one message, which no database has."""

    def __init__(self, files: Any) -> None:
        super().__init__()
        self._files = files

    def of(self, notification: Notification) -> list[StoredAttachment]:
        return [
            StoredAttachment(
                name=file.name,
                mimetype=file.mimetype,
                kind=file.kind,
                headers=file.headers,
                content=file.content,
            )
            for file in self._files
        ]


def message_through_queue(self: EmailMessage, **kwargs: Any) -> Any:
    """Write a message after its way through texts, JSON and attachments."""
    if isinstance(self, QueuedMail) or "is_being_packed" in vars(self):
        return written(self, **kwargs)
    if not self.recipients():
        self.bcc = ["nobody@example.com"]  # not written, and without it nothing is queued
    vars(self)["is_being_packed"] = True
    try:
        packed = pack(self)
    finally:
        del vars(self)["is_being_packed"]
    extra = {QUEUED_MAIL: json.loads(json.dumps(packed.mail))}
    notification = Notification(title=packed.title, body=packed.body, extra=extra)
    notification.target_user_record = TargetUserRecord(target_user_id="nobody@example.com")
    made = unpack(notification, Stored(packed.attachments))
    if all(name.lower() != "message-id" for name in self.extra_headers):
        made.extra_headers.pop("Message-ID", None)  # as documented: the notification's
    return made.message(**kwargs)


class ThroughQueue:
    """What Django's tests ask of a backend's tests."""

    email_backend = "django_notification_system.mail.QueueBackend"
    backend_class = QueueBackend
    databases = frozenset({"default"})

    @classmethod
    def setUpClass(cls) -> None:
        targets = {"email": {"backend": LOCMEM}}
        cls.enterClassContext(override_settings(NOTIFICATION_SYSTEM_TARGETS=targets))  # type: ignore[attr-defined] # TestCase's
        super().setUpClass()  # type: ignore[misc] # TestCase's

    def get_mailbox_content(self) -> list[Any]:
        run()
        assert not Notification.objects.exclude(status="DELIVERED").exists()
        read = import_module("mail.tests").message_from_bytes
        return [read(message.message().as_bytes()) for message in mail.outbox]

    def flush_mailbox(self) -> None:
        run()
        mail.outbox = []


def through_queue(tests: Any) -> Any:
    """Return a class of tests whose messages go through the queue."""

    class Through(tests):  # type: ignore[misc] # Django's
        @classmethod
        def setUpClass(cls) -> None:
            super().setUpClass()
            patch = cls.enterClassContext(pytest.MonkeyPatch.context())
            patch.setattr(EmailMessage, "message", message_through_queue)

    Through.__name__ = Through.__qualname__ = f"{tests.__name__}ThroughQueue"
    return Through


def classes() -> dict[str, Any]:
    """Return the classes of tests, by name."""
    tests = import_module("mail.tests")
    if HAS_MAILERS:
        of_backends = import_module("mail.test_backends").SharedEmailBackendTests
        names = ["EmailMessageTests", "SendMailTests", "SendMassMailTests"]
        names.append("MailAdminsAndManagersTests")
    else:
        of_backends, names = tests.BaseEmailBackendTests, ["MailTests"]
    found = [through_queue(getattr(tests, name)) for name in names]
    found.append(type("QueueBackendTests", (ThroughQueue, of_backends, TestCase), {}))
    for each in found:
        for name in LEFT_OUT:
            setattr(each, name, None)
    return {each.__name__: each for each in found}


if SOURCE:
    sys.path.insert(0, str(Path(SOURCE) / "tests"))
    globals().update(classes())
