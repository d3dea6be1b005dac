"""Release 1.5.3 of this project, which starts only if INSTALLED_APPS names its AppConfig."""

import contextlib
import os
from functools import partial
from typing import Any

from exponent_server_sdk import PushClient
from job import measure, read_job
from notifications import fill, targets_of
from project import set_up
from twilio.http.http_client import TwilioHttpClient

job = read_job()
set_up(job, "django_notification_system.Config", NOTIFICATION_SYSTEM_TARGETS=targets_of(job))

from django.core.management import call_command  # noqa: E402

original_request = TwilioHttpClient.request


def request_to_sink(self: Any, method: str, uri: str, *args: Any, **kwargs: Any) -> Any:
    uri = uri.replace("https://api.twilio.com", job.http_url)
    return original_request(self, method, uri, *args, **kwargs)


TwilioHttpClient.request = request_to_sink
PushClient.DEFAULT_HOST = job.http_url


def process_notifications() -> None:
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        call_command("process_notifications")


measure(job, partial(fill, job), process_notifications)
