"""django-mailer: its command ``send_mail``, with default settings."""

from job import SENDER, TEXT_BODY, TITLE, address, html_body, measure, read_job
from project import analyze, set_up

job = read_job()
set_up(job, "mailer")

from django.core.management import call_command  # noqa: E402
from mailer import send_html_mail  # noqa: E402


def fill(number: int) -> None:
    html = html_body()
    for index in range(number):
        send_html_mail(TITLE, TEXT_BODY, html, SENDER, [address(index % 1000)])
    analyze()


measure(job, fill, lambda: call_command("send_mail", verbosity=0))
