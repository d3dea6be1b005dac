"""Queued mail through django-anymail: its backend gets what it would get without the queue."""

from collections.abc import Callable
from email.mime.base import MIMEBase
from typing import Any

import django
import pytest
from anymail.message import AnymailMessage, attach_inline_image
from django.core import mail
from django.core.mail import EmailMessage, EmailMultiAlternatives

from django_notification_system.mail import QueueBackend
from django_notification_system.models import AttachmentContent, Notification
from tests.support.email_support import run
from tests.support.mail_backends import use_backend
from tests.support.mail_shapes import PNG, anymail_attributes, plain, rich

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:MIMEBase attachments are deprecated"),
]

ANYMAIL = "anymail.backends.test.EmailBackend"


def all_additions() -> EmailMessage:
    message = AnymailMessage(
        "Hello", "World", "shop@example.com", ["ann@example.com"], **anymail_attributes()
    )
    message.attach_alternative("<p>World</p>", "text/html")
    return message


def additions_on_a_plain_message() -> EmailMessage:
    message = plain()
    for name, value in anymail_attributes().items():
        setattr(message, name, value)
    return message


def inline_image() -> EmailMessage:
    message = EmailMultiAlternatives("Hello", "World", "shop@example.com", ["ann@example.com"])
    attach_inline_image(message, PNG, filename="logo.png", idstring="logo", domain="example.com")
    message.attach_alternative('<img src="cid:logo">', "text/html")
    return message


def files() -> EmailMessage:
    message = rich()
    message.attach("rows.csv", "a;b\n", "text/csv")
    message.attach("Größe.pdf", PNG, "application/pdf")
    part = MIMEBase("application", "zip")
    part.set_payload(PNG)
    part["Content-Disposition"] = 'attachment; filename="odd.zip"'
    message.attach(part)
    return message


def forwarded() -> EmailMessage:
    message = plain()
    message.attach("old.eml", "Subject: old\n\nHello\n", "message/rfc822")
    return message


SHAPES: dict[str, Callable[[], EmailMessage]] = {
    "no additions": lambda: rich(cc=["c@example.com"], reply_to=["r@example.com"]),
    "all additions": all_additions,
    "additions on a plain message": additions_on_a_plain_message,
    "an inline image": inline_image,
    "files": files,
    "a forwarded mail": forwarded,
}


def params_of(message: Any) -> dict[str, Any]:
    """Return what anymail's backend makes of a message, in values that can be compared."""
    params = dict(message.anymail_test_params)
    params["attachments"] = [
        (each.name, each.content, each.mimetype, each.inline, bool(each.content_id))
        for each in params.pop("attachments", ())
    ]
    # The Message-ID is the notification's, a documented difference.
    headers = dict(params.pop("extra_headers", {}))
    headers.pop("Message-ID", None)
    return {**params, "extra_headers": headers}


@pytest.fixture
def anymail(settings: Any) -> None:
    """Anymail's own backend for tests delivers."""
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "anymail"]
    use_backend(settings, ANYMAIL)


@pytest.mark.skipif(django.VERSION >= (6, 1), reason="anymail's test backend takes no alias yet")
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_anymail_gets_the_same(
    shape: Callable[[], EmailMessage], anymail: None, mailoutbox: Any
) -> None:
    mail.get_connection().send_messages([shape()])
    QueueBackend().send_messages([shape()])
    run()
    row = Notification.objects.get()
    assert (row.status, row.response) == ("DELIVERED", "Email Successfully Sent")
    directly, queued = mailoutbox
    assert params_of(queued) == params_of(directly)


@pytest.mark.skipif(django.VERSION >= (6, 1), reason="anymail's test backend takes no alias yet")
def test_an_inline_image_of_many_mails_is_stored_once(anymail: None) -> None:
    for _ in range(3):
        message = EmailMultiAlternatives("H", "W", "shop@example.com", ["ann@example.com"])
        attach_inline_image(message, PNG, filename="logo.png")  # a new Content-ID in each mail
        QueueBackend().send_messages([message])
    assert AttachmentContent.objects.count() == 1
