"""django-post_office: its command ``send_queued_mail``, with default settings."""

from typing import Any

from job import (
    PLACEHOLDERS,
    SENDER,
    TITLE,
    address,
    attachment,
    customer,
    html_body,
    measure,
    read_job,
    recipient_of,
    text_body,
)
from project import analyze, set_up
from texts import make_texts

job = read_job()
set_up(job, "post_office")

from django.core.files.base import ContentFile  # noqa: E402
from django.core.management import call_command  # noqa: E402
from post_office import mail  # noqa: E402
from post_office.models import STATUS, Email, EmailTemplate  # noqa: E402

queued: dict[str, Any] = {"number": 0}


def fill(number: int) -> None:
    mails = [queued_mail(index) for index in range(number)]
    if job.mail == "attachment":
        for index, each in enumerate(mails):
            mail.send(**each, attachments={f"{index}.pdf": ContentFile(attachment(index))})
    else:
        mail.send_many(mails)
    queued["number"] = number
    analyze()


def queued_mail(index: int) -> dict[str, object]:
    shared = {"recipients": [address(index % 1000)], "sender": SENDER}
    if job.mail == "template":
        context = vars(customer(index))
        return {**shared, "template": template(), "context": context, "render_on_delivery": True}
    to = recipient_of(job, index)
    return {**shared, "subject": TITLE, "message": text_body(to), "html_message": html_body(to)}


def template() -> EmailTemplate:
    """Return the template: the text part is a template of its own, as post_office has it."""
    if "template" not in queued:
        queued["template"] = EmailTemplate.objects.create(
            name="order",
            subject=TITLE,
            content=text_body(PLACEHOLDERS),
            html_content=html_body(PLACEHOLDERS),
        )
    return queued["template"]


def deliver() -> None:
    make_texts(job, queued["number"])
    call_command("send_queued_mail", verbosity=0)


def left() -> dict[str, int]:
    """Count what waits for a later run, what failed for good, and the attempts that it cost."""
    later = Email.objects.filter(status__in=[STATUS.queued, STATUS.requeued]).count()
    failed = Email.objects.filter(status=STATUS.failed).count()
    return {"later": later, "failed": failed, "attempts_lost": failed}


measure(job, fill, deliver, left)
