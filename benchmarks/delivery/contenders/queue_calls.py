"""Give messages to a mail backend that queues, and print the cost as JSON."""

import json
import os
import time
from collections.abc import Callable, Sequence

import django
from django.conf import settings
from job import SENDER, TITLE, address, customer, html_body, text_body

BACKENDS = {
    "this app": ("django_notification_system", "django_notification_system.mail.QueueBackend"),
    "post_office": ("post_office", "post_office.EmailBackend"),
    "mailer": ("mailer", "mailer.backend.DbBackend"),
}
#: Calls with one message in a round; calls with many.
SINGLE_CALLS, IN_BULK = 300, 1000

job = json.loads(os.environ["BENCHMARK_JOB"])
app, backend_name = BACKENDS[job["name"]]
settings.configure(
    SECRET_KEY="only for the benchmark",
    USE_TZ=True,
    DATABASES={"default": job["database"]},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", app],
    NOTIFICATION_SYSTEM_TARGETS={
        "email": {"backend": "django.core.mail.backends.dummy.EmailBackend"}
    },
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    LOGGING_CONFIG=None,
)
django.setup()

from django.core.mail import EmailMultiAlternatives  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.utils.module_loading import import_string  # noqa: E402

Messages = Sequence[EmailMultiAlternatives]


def messages(number: int) -> list[EmailMultiAlternatives]:
    made = []
    for index in range(number):
        to = customer(index)
        message = EmailMultiAlternatives(TITLE, text_body(to), SENDER, [address(index)])
        message.attach_alternative(html_body(to), "text/html")
        made.append(message)
    return made


def one_by_one(some: Messages) -> None:
    for message in some:
        backend.send_messages([message])


def all_at_once(some: Messages) -> None:
    backend.send_messages(some)


def milliseconds(send: Callable[[Messages], None], number: int) -> float:
    some = messages(number)
    began = time.process_time()
    send(some)
    return (time.process_time() - began) / number * 1000


def queries(number: int) -> int:
    some = messages(number)
    with CaptureQueriesContext(connection) as captured:
        backend.send_messages(some)
    return len(captured)


call_command("migrate", verbosity=0)
backend = import_string(backend_name)()
backend.send_messages(messages(IN_BULK))  # so that all addresses are known
ways = ((1, one_by_one, SINGLE_CALLS), (IN_BULK, all_at_once, IN_BULK))
print(
    json.dumps(
        [
            (size, min(milliseconds(send, number) for _ in range(job["rounds"])), queries(size))
            for size, send, number in ways
        ]
    )
)
