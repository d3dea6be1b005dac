"""django-mailer: its command ``send_mail``, with default settings."""

from job import SENDER, TITLE, address, html_body, measure, read_job, recipient_of, text_body
from project import analyze, set_up
from texts import make_texts

job = read_job()
set_up(job, "mailer")

from django.core.management import call_command  # noqa: E402
from mailer import send_html_mail  # noqa: E402

queued = {"number": 0}


def fill(number: int) -> None:
    for index in range(number):
        to = recipient_of(job, index)
        send_html_mail(TITLE, text_body(to), html_body(to), SENDER, [address(index % 1000)])
    queued["number"] = number
    analyze()


def deliver() -> None:
    make_texts(job, queued["number"])
    call_command("send_mail", verbosity=0)


measure(job, fill, deliver)
