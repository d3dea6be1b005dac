"""Shared by the tests of the mail backend that queues."""

from typing import Any

from django.core.mail import EmailMessage

from django_notification_system.mail import QueueBackend

QUEUE = "django_notification_system.mail.QueueBackend"
THIRD_PARTY = "tests.support.mail_backends.ThirdParty"
SMTP_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
LOCMEM = "django.core.mail.backends.locmem.EmailBackend"
MESSAGE = "django_notification_system.mail"


def queue(*messages: EmailMessage, **options: Any) -> int:
    return QueueBackend(**options).send_messages(list(messages))
