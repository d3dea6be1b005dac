"""django-post_office: its command ``send_queued_mail``, with default settings."""

from job import SENDER, TEXT_BODY, TITLE, address, html_body, measure, read_job
from project import analyze, set_up

job = read_job()
set_up(job, "post_office")

from django.core.management import call_command  # noqa: E402
from post_office import mail  # noqa: E402


def fill(number: int) -> None:
    html = html_body()
    mail.send_many(
        [
            {
                "recipients": [address(index % 1000)],
                "sender": SENDER,
                "subject": TITLE,
                "message": TEXT_BODY,
                "html_message": html,
            }
            for index in range(number)
        ]
    )
    analyze()


measure(job, fill, lambda: call_command("send_queued_mail", verbosity=0))
