"""How a rival's users get the text part of an HTML mail, with what the rival itself does not do.

``ready`` is a text that somebody wrote. ``strip_tags`` is Django's, which many call on the HTML
before they queue a mail; it keeps no links. ``html2text`` is what django-templated-email makes text
parts with by default.
"""

from collections.abc import Callable

from job import Job, html_body, recipient_of


def text_maker(job: Job) -> Callable[[str], str] | None:
    """Return the function that makes a text of HTML; ``None`` for a text that is ready."""
    if job.variant == "strip_tags":
        from django.utils.html import strip_tags

        return strip_tags
    if job.variant == "html2text":
        from html2text import html2text

        return html2text
    return None


def make_texts(job: Job, number: int) -> None:
    """Make the text parts of so many mails, as the project does when it queues them.

    A program calls this within the clock. This project and release 1.5.3 make texts there, too.
    """
    if make := text_maker(job):
        for index in range(number):
            make(html_body(recipient_of(job, index)))
